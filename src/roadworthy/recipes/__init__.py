"""Whole trainings: the baselines that a name and a dataset are enough for."""

from roadworthy.core.registry import Registry
from roadworthy.core.training import Recipe
from roadworthy.recipes.bag_of_words import BagOfWords
from roadworthy.recipes.cnn import CNN
from roadworthy.recipes.digits_cnn import DigitsCNN
from roadworthy.recipes.logistic_regression import LogisticRegression
from roadworthy.recipes.mlp import MLP
from roadworthy.recipes.pretrained_text import PretrainedText
from roadworthy.recipes.random_forest import RandomForest
from roadworthy.recipes.ridge import Ridge
from roadworthy.recipes.strided_cnn import StridedCNN
from roadworthy.recipes.text_transformer import TextTransformer

RECIPES: Registry[type[Recipe]] = Registry(
    "recipes",
    BagOfWords,
    CNN,
    DigitsCNN,
    LogisticRegression,
    MLP,
    PretrainedText,
    RandomForest,
    Ridge,
    StridedCNN,
    TextTransformer,
)

__all__ = [
    "CNN",
    "MLP",
    "RECIPES",
    "BagOfWords",
    "DigitsCNN",
    "LogisticRegression",
    "PretrainedText",
    "RandomForest",
    "Ridge",
    "StridedCNN",
    "TextTransformer",
]
