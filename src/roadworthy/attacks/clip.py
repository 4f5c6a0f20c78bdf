from dataclasses import replace

import torch
from torch import Tensor

from roadworthy.core.model import Model


class Clip(Model):
    """Answers for clips as a tracker on top of a frame-by-frame classifier does.

    The tracker holds the class of the first frame until the classifier answers another one in
    `needed` frames in a row. The logit of a class is by how much it leads in the weakest frame of
    its best such stretch; that of the first frame's class is 0. So the clip's answer differs from
    the first frame's exactly where the tracker would change its mind at some time, and the margin
    says how clearly.

    Args:
        model: classifies frames (N, C, H, W).
        frames: in a clip.
        needed: frames in a row that the tracker asks for.
    """

    def __init__(self, model: Model, frames: int, needed: int) -> None:
        assert 1 <= needed < frames, "the tracker must be able to change its mind within a clip"
        shape = (frames, *model.spec.input_shape)
        name = f"{model.spec.name}, {needed} frames in a row"
        super().__init__(replace(model.spec, name=name, input_shape=shape))
        self.model, self.needed = model, needed

    def forward(self, x: Tensor) -> Tensor:
        n, frames = x.shape[:2]
        logits = self.model(x.flatten(0, 1)).reshape(n, frames, -1)
        best = logits.topk(2, dim=2)
        is_best = torch.zeros_like(logits, dtype=torch.bool)
        is_best = is_best.scatter(2, best.indices[:, :, :1], True)
        first, second = best.values.split(1, dim=2)
        leads = logits - torch.where(is_best, second, first)  # over the best other class
        stretches = leads.unfold(1, self.needed, 1).amin(3)
        held: Tensor = stretches.amax(1)
        return held.scatter(1, logits[:, 0].argmax(1, keepdim=True), 0.0)
