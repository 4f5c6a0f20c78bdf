"""Which unlabelled items to label next."""

from roadworthy.core.query import Query
from roadworthy.core.registry import Registry
from roadworthy.queries.badge import BADGE
from roadworthy.queries.bald import BALD
from roadworthy.queries.batch_bald import BatchBALD
from roadworthy.queries.committee import QueryByCommittee
from roadworthy.queries.coreset import CoreSet
from roadworthy.queries.entropy import Entropy
from roadworthy.queries.least_confidence import LeastConfidence
from roadworthy.queries.margin import Margin
from roadworthy.queries.prob_cover import ProbCover
from roadworthy.queries.random import Random
from roadworthy.queries.typiclust import TypiClust
from roadworthy.queries.typiclust_margin import TypiClustMargin

QUERIES: Registry[type[Query]] = Registry(
    "queries",
    TypiClustMargin,
    Margin,
    Entropy,
    LeastConfidence,
    TypiClust,
    ProbCover,
    CoreSet,
    BADGE,
    BALD,
    BatchBALD,
    QueryByCommittee,
    Random,
)

__all__ = [
    "BADGE",
    "BALD",
    "QUERIES",
    "BatchBALD",
    "CoreSet",
    "Entropy",
    "LeastConfidence",
    "Margin",
    "ProbCover",
    "QueryByCommittee",
    "Random",
    "TypiClust",
    "TypiClustMargin",
]
