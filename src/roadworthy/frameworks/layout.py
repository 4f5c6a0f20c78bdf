from enum import Enum

from torch import Tensor


class Layout(Enum):
    """In which order a model takes the numbers of an image; the value says what was done."""

    AS_GIVEN = "as they are"
    CHANNELS_LAST = "with channels last"
    FLAT = "as rows"

    def arrange(self, x: Tensor) -> Tensor:
        """Turn inputs (N, D) or images (N, C, H, W) into what the model takes."""
        if self == Layout.CHANNELS_LAST:
            return x.movedim(1, -1)
        return x.flatten(1) if self == Layout.FLAT else x


# most frameworks but torch keep an image's channels last
TORCH = (Layout.AS_GIVEN, Layout.FLAT)
FOREIGN = (Layout.AS_GIVEN, Layout.CHANNELS_LAST, Layout.FLAT)
