import torch
from torch import Tensor, nn

WIDEST = 1_000_000  # a bound for settings that come from a file


class TabularEncoder(nn.Module):
    """Standardizes the numbers of a row and spreads each category over columns of 0 and 1.

    Differentiable by the numbers; a code's derivative is 0. A code that is none of a category's
    gets zeros.

    Args:
        categories: of each column, how many categories it has; 0 for a number.
    """

    def __init__(self, categories: list[int]) -> None:
        super().__init__()
        if self.width(categories) > WIDEST:
            raise ValueError(f"more than {WIDEST} columns would come out")
        numbers = [column for column, count in enumerate(categories) if count == 0]
        codes = [code for count in categories for code in range(count)]
        self.register_buffer("numbers", torch.tensor(numbers, dtype=torch.int64))
        owners = [column for column, count in enumerate(categories) for _ in range(count)]
        self.register_buffer("owners", torch.tensor(owners, dtype=torch.int64))
        self.register_buffer("codes", torch.tensor(codes, dtype=torch.float32))
        self.register_buffer("center", torch.zeros(len(numbers)))
        self.register_buffer("scale", torch.ones(len(numbers)))

    @staticmethod
    def width(categories: list[int]) -> int:
        """Say how many columns come out."""
        return sum(max(1, count) for count in categories)

    def measure(self, x: Tensor) -> None:
        """Take centers and scales from rows (N, D)."""
        self.center = x[:, self.numbers].mean(0)
        scale = x[:, self.numbers].std(0, unbiased=False)
        self.scale = torch.where(scale > 0, scale, torch.ones_like(scale))

    def forward(self, x: Tensor) -> Tensor:  # (N, D) to (N, width)
        standardized = (x[:, self.numbers] - self.center) / self.scale
        one_hot = (x[:, self.owners].round() == self.codes).to(x.dtype)
        return torch.cat([standardized, one_hot], 1)
