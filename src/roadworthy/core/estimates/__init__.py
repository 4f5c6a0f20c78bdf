"""Every interval and every correction for multiplicity that Roadworthy reports."""

from roadworthy.core.estimates.compared_means import Differences, Part, differences
from roadworthy.core.estimates.contamination import contamination
from roadworthy.core.estimates.crossed import by_cluster, crossed_mean
from roadworthy.core.estimates.measure import CONFIDENCE, Measure, count
from roadworthy.core.estimates.multiplicity import benjamini_hochberg, conformal_p_values, holm
from roadworthy.core.estimates.order import deviation, largest, largest_of, quantile, smallest
from roadworthy.core.estimates.rankings import (
    Ranking,
    auc,
    mean_ranking,
    ranked,
    ranked_difference,
    ranked_ratio,
    ranking,
)
from roadworthy.core.estimates.resampling import (
    bootstrap,
    mean,
    of_draws,
    of_few_draws,
    paired_difference,
    positive_mean,
    resample,
    resampled_means,
)
from roadworthy.core.estimates.shares import (
    design_effect,
    difference,
    equality,
    exact_proportion,
    gap,
    mcnemar,
    proportion,
    ratio,
    share_of_rows,
    without_sign,
)

__all__ = [
    "CONFIDENCE",
    "Differences",
    "Measure",
    "Part",
    "Ranking",
    "auc",
    "benjamini_hochberg",
    "bootstrap",
    "by_cluster",
    "conformal_p_values",
    "contamination",
    "count",
    "crossed_mean",
    "design_effect",
    "deviation",
    "difference",
    "differences",
    "equality",
    "exact_proportion",
    "gap",
    "holm",
    "largest",
    "largest_of",
    "mcnemar",
    "mean",
    "mean_ranking",
    "of_draws",
    "of_few_draws",
    "paired_difference",
    "positive_mean",
    "proportion",
    "quantile",
    "ranked",
    "ranked_difference",
    "ranked_ratio",
    "ranking",
    "ratio",
    "resample",
    "resampled_means",
    "share_of_rows",
    "smallest",
    "without_sign",
]
