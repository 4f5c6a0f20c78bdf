from torch import Tensor, nn

from roadworthy.networks.backbone import Backbone


class Convolutional(Backbone):
    """Stages that each halve an image, and two linear layers with ReLU between them.

    Args:
        stages: modules from an image on.
        size: height and width of the images.
        widths: channels behind each stage.
        hidden: width of the layer before the last.
        outputs: numbers per image.
    """

    def __init__(
        self, stages: list[nn.Module], size: list[int], widths: list[int], hidden: int, outputs: int
    ) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        height, width = (side >> len(widths) for side in size)
        self.body = nn.Linear(widths[-1] * height * width, hidden)
        self.width = hidden
        self.head = nn.Linear(hidden, outputs)

    def embed(self, x: Tensor) -> Tensor:  # (N, C, H, W)
        return self.body(self.stages(x).flatten(1)).relu()
