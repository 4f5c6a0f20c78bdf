from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.predictions import BATCH
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.training.loop import fit_plan
from roadworthy.training.trained import Defended, NetworkRecipe, Trained, plan_of

PASSES_PER_ROW = 100  # of a training of some thirty epochs, each with one pass more
MOST_ROWS = 10_000  # that are looked at after each epoch
HARD = 0.25  # mean probability of the given label below which a row is hard
EASY = 0.75
STEADY = 0.2  # variability below which the network does not change its mind; at most it is 0.5


@dataclass(frozen=True, eq=False)
class TrainingDynamicsValue:
    """What the network said of training rows after each epoch.

    Args:
        rows: (R,) rows of the training split that were looked at.
        probabilities: (R, K) mean over the epochs.
        variability: (R,) standard deviation over the epochs of the given label's probability.
        epochs: how many there were.
    """

    rows: Tensor
    probabilities: Tensor
    variability: Tensor
    epochs: int

    def confidence(self, y: Tensor) -> np.ndarray:
        """(R,) mean probability of the given labels y (R,) of the rows."""
        given: np.ndarray = self.probabilities.gather(1, y[:, None])[:, 0].numpy()
        return given

    def regions(self, y: Tensor) -> dict[str, np.ndarray]:
        """Say which rows (R,), with labels y (R,), are easy, ambiguous and hard."""
        confidence, is_steady = self.confidence(y), self.variability.numpy() < STEADY
        is_hard, is_easy = (confidence < HARD) & is_steady, (confidence >= EASY) & is_steady
        return {"easy": is_easy, "ambiguous": ~is_easy & ~is_hard, "hard": is_hard}


@dataclass(frozen=True)
class TrainingDynamics(Artifact[TrainingDynamicsValue]):
    """How training rows are learned, epoch by epoch.

    The model's recipe, with its strategies, is run once more on the training split with another
    seed; after each epoch the network says how probable it finds each label. At most 10,000 rows
    are looked at.

    Source: Swayamdipta et al. 2020, arXiv:2009.10795, section 2.
    """

    card = Card(
        "training-dynamics", "How rows are learned", paper="arxiv:2009.10795", cost="minutes"
    )
    value = TrainingDynamicsValue

    def cost(self, subject: Subject) -> float:
        return PASSES_PER_ROW * len(subject.dataset.train)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> TrainingDynamicsValue:
        recipe, train, seed = (
            recipe_of(subject.model),
            subject.dataset.train,
            subject.seed_for(self),
        )
        rows = some_rows(len(train), MOST_ROWS, seed)
        diary = Diary(train.take(rows))
        plan = plan_of(recipe, subject.dataset, train, seed, progress)
        fit_plan(replace(plan, watch=diary.write), progress)
        return TrainingDynamicsValue(rows, *diary.read())


def recipe_of(model: Model) -> NetworkRecipe | Defended:
    """Give what trained a network here.

    Raises:
        NotAssessed: the model was not trained so.
    """
    if isinstance(model, Trained) and isinstance(model.recipe, NetworkRecipe | Defended):
        return model.recipe
    raise NotAssessed(
        f"{model.spec.name} was not trained epoch by epoch by a recipe of Roadworthy, such as mlp "
        "or cnn"
    )


class Diary:
    """Sums of what a network says of the same rows after each epoch, so that no epoch is kept."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.epochs = 0
        self.probabilities: Tensor | None = None
        self.given = torch.zeros(len(split), dtype=torch.double)
        self.squares = torch.zeros(len(split), dtype=torch.double)

    def write(self, network: nn.Module) -> None:
        """Look at the network; its mode and the random numbers are left as they are."""
        was_training = network.training
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            network.eval()
            outputs = torch.cat([network(batch) for batch in self.split.x.split(BATCH)])
            network.train(was_training)
        probabilities = outputs.double().softmax(1)
        given = probabilities.gather(1, self.split.y[:, None])[:, 0]
        if self.probabilities is None:
            self.probabilities = torch.zeros_like(probabilities)
        self.probabilities += probabilities
        self.given += given
        self.squares += given.square()
        self.epochs += 1

    def read(self) -> tuple[Tensor, Tensor, int]:
        """Give mean probabilities (R, K), variability (R,) and how many epochs there were."""
        assert self.probabilities is not None, "no epoch was seen"
        mean = self.given / self.epochs
        variance = (self.squares / self.epochs - mean.square()).clamp_min(0)
        return self.probabilities / self.epochs, variance.sqrt(), self.epochs
