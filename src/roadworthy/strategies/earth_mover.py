from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class EarthMoverLoss(OrdinalHead):
    """Squared earth mover's distance: how much probability must be moved how far to the true class.

    The loss is the sum over classes of the squared difference of cumulative probabilities, which is
    the ranked probability score: least, on average, at the true probabilities. Outputs are logits
    of the classes as usual, so that it goes with trainings that read them.

    Source: Hou, Yu and Samaras 2016, arXiv:1611.05916; as a score Epstein 1969,
    doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2.
    """

    card = Card(
        "earth-mover",
        "Squared earth mover's distance",
        aliases=("emd", "emd2", "ranked-probability-score"),
        paper="arxiv:1611.05916",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return classes
