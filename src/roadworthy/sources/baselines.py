from roadworthy.recipes.digits_cnn import DigitsCNN
from roadworthy.recipes.mlp import MLP


def baseline_for(data: str) -> str:
    """Name the recipe that is trained when a dataset is inspected without a model.

    The perceptron learns images and tables, classes and numbers, and offers gradients.
    """
    return DigitsCNN.card.name if data == "digits" else MLP.card.name
