from roadworthy.recipes.bag_of_words import BagOfWords
from roadworthy.recipes.digits_cnn import DigitsCNN
from roadworthy.recipes.mlp import MLP


def baseline_for(data: str, is_text: bool = False) -> str:
    """Name the recipe that is trained when a dataset is inspected without a model.

    The perceptron learns images and tables, classes and numbers, and offers gradients.
    """
    if is_text:
        return BagOfWords.card.name
    return DigitsCNN.card.name if data == "digits" else MLP.card.name
