import torch
from torch import Tensor, nn

from roadworthy.core.tree_ensemble import TreeEnsemble, below


class Forest(nn.Module):
    """Decision trees in one list of nodes, all walked at once; no gradients.

    A leaf is its own child, so that a row which has arrived stays. Gives the logarithm of the mean
    of the trees' probabilities, or the mean of their numbers.

    Args:
        trees: how many there are.
        nodes: of all trees together.
        depth: steps from a root to the deepest leaf.
        outputs: numbers that a leaf holds.
        is_probability: whether these are probabilities.
    """

    def __init__(
        self, trees: int, nodes: int, depth: int, outputs: int, is_probability: bool
    ) -> None:
        super().__init__()
        if not 0 <= depth <= nodes:
            raise ValueError(f"{nodes} nodes cannot be {depth} deep")
        self.depth, self.is_probability = depth, is_probability
        self.register_buffer("roots", torch.zeros(trees, dtype=torch.int64))
        self.register_buffer("left", torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("right", torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("feature", torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(nodes, dtype=torch.float64))
        self.register_buffer("values", torch.zeros(nodes, outputs, dtype=torch.float64))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:  # (N, …) to (N, outputs)
        rows = x.flatten(1).float().double()  # trees are grown on float32, thresholds are not
        at = self.roots.expand(len(rows), -1)
        for _ in range(self.depth):
            goes_left = rows.gather(1, self.feature[at]) <= self.threshold[at]
            at = torch.where(goes_left, self.left[at], self.right[at])
        mean = self.values[at].mean(1)
        if not self.is_probability:
            return mean.to(x.dtype)
        floor = torch.finfo(torch.float64).eps  # as log_loss of scikit-learn clips
        return mean.clamp_min(floor).log().to(x.dtype)

    def tree_ensemble(self, features: int) -> TreeEnsemble:
        """Give the trees as attacks and checks read them, for inputs of so many features."""
        is_leaf = self.left == torch.arange(len(self.left), device=self.left.device)
        return TreeEnsemble(
            roots=self.roots,
            feature=self.feature,
            threshold=below(self.threshold),
            left=self.left,
            right=self.right,
            scores=torch.where(is_leaf[:, None], self.values / len(self.roots), 0.0),
            base=self.values.new_zeros(self.values.shape[1]),
            features=features,
            is_probability=self.is_probability,
        )
