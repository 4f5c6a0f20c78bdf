from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.fewshot.embedding import embed, embedding
from roadworthy.fewshot.episodes import Episodes
from roadworthy.fewshot.episodic import EpisodicLearner
from roadworthy.fewshot.learner import Adapter, class_means, seen_in


@dataclass(frozen=True)
class RelationNetwork(EpisodicLearner):
    """Relation network: a small network learns what being alike means.

    The feature maps of a query and of a class are put together, and a second network gives a score
    between 0 and 1 of their belonging together; training brings the scores near 1 or 0 by squared
    error. The classes' probabilities are the scores, divided by their sum.

    Differs from the paper: a class's map is the mean of its support's, not the sum, so the number
    of shots may change after training; convolutions are padded; and the part ends in an average
    over what is left of the map, so the size of images is free.

    Source: Sung et al. 2018, arXiv:1711.06025, sections 3.2 to 3.4.

    Args:
        hidden: width of the layer before the score.
        width: channels of the embedding.
        ways: classes of a training task.
        shots: labelled items of each class.
        queries: items of each class that the loss asks about.
        episodes: training tasks.
        batch: tasks of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    hidden: int = 8
    ways: int = 5
    queries: int = 10

    card = Card("relation-network", "Relation network", ("RelationNet",), "arxiv:1711.06025")

    def start(self, base: Split) -> Adapter:
        network = embedding(base, self.width, halvings=2)
        return Relations(network, self.width, self.hidden, seen_in(base))

    def loss(self, adapter: Adapter, tasks: Episodes) -> Tensor:
        scores = adapter.relations(tasks.support_x, tasks.support_y, tasks.query_x).sigmoid()
        return functional.mse_loss(scores, functional.one_hot(tasks.query_y).to(scores.dtype))


class Relations(Adapter):
    """Answers by learned scores of pairs.

    Args:
        network: gives feature maps.
        width: their channels.
        hidden: width of the layer before the score.
        seen: numbers of the base classes.
    """

    def __init__(self, network: nn.Module, width: int, hidden: int, seen: frozenset[int]) -> None:
        super().__init__(seen)
        self.network = network
        # a convolution of two maps put together is the sum of one of each: so few are computed
        self.of_class = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.of_query = nn.Conv2d(width, width, 3, padding=1)
        self.score = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def relations(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Give the scores (B, Q, ways) before the sigmoid."""
        support, query = embed(self.network, support_x, query_x)
        shape = support.shape[2:]
        classes = class_means(support.flatten(2), support_y).unflatten(2, shape)
        ours = self.of_class(classes.flatten(0, 1)).unflatten(0, classes.shape[:2])
        theirs = self.of_query(query.flatten(0, 1)).unflatten(0, query.shape[:2])
        pairs = theirs[:, :, None] + ours[:, None]  # (B, Q, ways, C, H, W)
        return self.score(pairs.flatten(0, 2)).reshape(pairs.shape[:3])

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        scores = functional.logsigmoid(self.relations(support_x, support_y, query_x))
        return scores.log_softmax(2)
