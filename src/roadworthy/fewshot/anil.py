from dataclasses import dataclass

from torch import Tensor
from torch.func import vmap
from torch.nn import functional

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.fewshot.embedding import embed, embedding
from roadworthy.fewshot.episodic import EpisodicLearner
from roadworthy.fewshot.inner_loop import Weights, apply_head, descend, shared_head
from roadworthy.fewshot.learner import Adapter, ways_of
from roadworthy.fewshot.maml import Descent


@dataclass(frozen=True)
class ANIL(EpisodicLearner):
    """Almost no inner loop: MAML whose last layer alone adapts to a task.

    The features stay as training left them; a few steps on the support move the last layer. Much
    of what MAML gains is gained by good features, so this costs little and loses little.

    Differs from the paper: as `maml` does, all classes start with one shared row of the last layer;
    the learning rate falls along a cosine. As the features do not adapt, batch normalization with
    the statistics of training serves.

    Source: Raghu et al. 2020, arXiv:1909.09157, section 4.

    Args:
        steps: of descent on the support.
        step_size: their rate.
        is_first_order: leave out derivatives of derivatives.
        width: channels of the embedding.
        ways: classes of a training task.
        shots: labelled items of each class.
        queries: items of each class that the loss asks about.
        episodes: training tasks.
        batch: tasks of one step of training.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    steps: int = 5
    step_size: float = 0.1
    is_first_order: bool = False
    ways: int = 5
    episodes: int = 2000
    batch: int = 4

    card = Card("anil", "Almost no inner loop", paper="arxiv:1909.09157")

    def start(self, base: Split) -> Adapter:
        network = embedding(base, self.width)
        return HeadDescent(network, base, self.steps, self.step_size, self.is_first_order)


class HeadDescent(Descent):
    """Answers after the last layer has descended on the support's features."""

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        support, query = embed(self.network, support_x, query_x)
        ways = ways_of(support_y)

        def answer_one(features: Tensor, y: Tensor, asked: Tensor) -> Tensor:
            return apply_head(self.adapted(features, y, ways), asked).log_softmax(1)

        return vmap(answer_one)(support, support_y, query)

    def adapted(self, features: Tensor, y: Tensor, ways: int) -> Weights:
        """Give the last layer after the descent on one support's features (S, D)."""

        def loss(head: Weights) -> Tensor:
            return functional.cross_entropy(apply_head(head, features), y)

        head = shared_head(self.row, ways)
        return descend(loss, head, self.step_size, self.steps, self.is_first_order)
