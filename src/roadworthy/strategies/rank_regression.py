from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class RankRegression(OrdinalHead):
    """Regression on the ranks: the number of the class is learned like any number.

    One output, squared error, and the nearest class is the answer: the plainest thing that knows
    the order, and what the others are held against. It takes the classes to be equally far apart.
    Its probabilities are those of an error of one class, whatever the rows: `temperature` fits
    them.

    Source: the naive approach in Gutiérrez et al. 2016, doi:10.1109/TKDE.2015.2457911.
    """

    card = Card(
        "rank-regression",
        "Regression on the ranks",
        paper="doi:10.1109/TKDE.2015.2457911",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return 1
