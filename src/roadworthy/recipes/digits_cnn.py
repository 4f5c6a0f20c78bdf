from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.recipes.cnn import CNN


@dataclass(frozen=True)
class DigitsCNN(CNN):
    """Trains the CNN that is inspected when no model is named, in a few seconds.

    The network of `cnn`, with the settings that suit 1,300 digits of 8 × 8 pixels.

    Args:
        width: channels of the first stage.
        hidden: width of the layer before the last.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate at the start.
        decay: weight decay.
    """

    rate: float = 4e-3

    card = Card("digits-cnn", "CNN for the built-in digits")
