from dataclasses import dataclass

from roadworthy.core.adaptive import Guarded
from roadworthy.core.card import Card
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.images.crop_rescale import crop_rescale


@dataclass(frozen=True)
class CropRescale(Guard):
    """Cropping and rescaling: a random part of each image is enlarged to the image's size.

    Claims that a change made for one place of the image does not fit another. The step is
    differentiable, so an attack that averages over draws meets all places at once and gets through.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: it averages predictions over 30 crops of 90 of 224 pixels, by a network
    trained on crops; here one crop is drawn, which leaves most of the image to a network that was
    not.

    Args:
        side: share of the image's height and width that a crop has.
    """

    side: float = 0.9

    card = Card(
        "crop-rescale",
        "Random cropping and rescaling",
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Guarded(model, crop_rescale(self.side, model.spec.input_shape))
