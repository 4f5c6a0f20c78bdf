import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of
from roadworthy.strategies.self_supervision import (
    Directions,
    Pretext,
    SelfSupervision,
    embedded,
    follow,
    rising,
    views_of,
)
from roadworthy.training.plan import Batch, TrainPlan

CENTER_KEEPS = 0.9  # share of the center that stays at a step


@dataclass(frozen=True)
class DINO(SelfSupervision):
    """DINO: answer for each view as a slow copy of oneself answers for another.

    The copy, the teacher, is a moving average of the network. Its answers, shares of nameless
    classes, are centered, so that no class takes all, and sharpened, so that they do not spread
    over all of them alike.

    Source: Caron et al. 2021, arXiv:2104.14294, algorithm 1.
    Differs from the paper: a convolutional network or perceptron where the paper has a vision
    transformer, and a head with one hidden layer and batch normalization; fewer nameless classes,
    learned from the first step on; small crops of images of 32 pixels and more only, enlarged; the
    teacher's temperature does not rise.

    Args:
        epochs: of the pre-training; in the paper 100 to 800.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        crop: share of an image's area that a full view shows at least; in the paper 0.4.
        small: small crops of each image, which only the student sees; in the paper 8 to 10.
        width: numbers of the projection.
        outputs: nameless classes; in the paper 65536.
        temperature: that the student's answers are divided by.
        sharp: temperature that the teacher's are divided by.
        keep: share of the teacher that stays at the first step, and rises to 1 until the last; in
            the paper 0.996.
    """

    crop: float = 0.3
    small: int = 2
    width: int = 64
    outputs: int = 256
    temperature: float = 0.1
    sharp: float = 0.04
    keep: float = 0.97

    card = Card(
        "dino",
        "Self-distillation without labels",
        paper="arxiv:2104.14294",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not min(self.temperature, self.sharp) > 0 or not 0 <= self.keep <= 1:
            raise InputError(
                "dino takes positive temperatures and a share to keep from 0 to 1, not "
                f"{self.temperature}, {self.sharp} and {self.keep}"
            )
        if min(self.width, self.outputs - 1) < 1 or self.small < 0:
            raise InputError(
                "dino takes a width of at least 1, at least 2 outputs and no negative number of "
                f"small crops, not {self.width}, {self.outputs} and {self.small}"
            )
        views = views_of(plan.data, self.crop, self.small)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            seen, beside = [view(batch.x) for view in views], batch.beside["dino"]
            answers = [*map(beside.head, embedded(network, seen))]
            with torch.no_grad():
                aims = [*map(beside.teacher_head, embedded(beside.teacher, seen[:2]))]
            loss = agreement(answers, aims, beside.center, self.temperature, self.sharp)
            beside.center.lerp_(torch.cat(aims).float().mean(0), 1 - CENTER_KEEPS)
            return loss

        def bring_along(network: nn.Module, batch: Batch) -> None:
            keep, beside = rising(self.keep, batch.progress), batch.beside["dino"]
            follow(beside.teacher, network, keep)
            follow(beside.teacher_head, beside.head, keep)

        def make(network: nn.Sequential) -> nn.Module:
            return StudentAndTeacher(network, self.width, self.outputs)

        return Pretext(objective, {"dino": make}, (bring_along,))


class StudentAndTeacher(nn.Module):
    """What is beside the student: its head, the teacher, and the center of the teacher's answers.

    Args:
        network: the student; the teacher starts as its copy.
        width: numbers of a projection.
        outputs: nameless classes.
    """

    def __init__(self, network: nn.Sequential, width: int, outputs: int) -> None:
        super().__init__()
        self.head = Directions(backbone_of(network).width, width, outputs)
        self.teacher = copy.deepcopy(network).requires_grad_(False)
        self.teacher_head = copy.deepcopy(self.head).requires_grad_(False)
        self.register_buffer("center", torch.zeros(outputs))


def agreement(
    answers: list[Tensor], aims: list[Tensor], center: Tensor, temperature: float, sharp: float
) -> Tensor:
    """Give the mean cross-entropy of the student's answers by the teacher's for other views.

    Args:
        answers: (N, K) of the student, of each view.
        aims: (N, K) of the teacher, of the first views.
        center: (K,) is taken off the teacher's.
        temperature: that the student's are divided by.
        sharp: that the teacher's are divided by.
    """
    losses = []
    for view, aim in enumerate(aims):
        share = ((aim - center) / sharp).softmax(1)
        for other, answer in enumerate(answers):
            if other != view:
                likely = (answer / temperature).log_softmax(1)
                losses.append(-(share * likely).sum(1).mean())
    return torch.stack(losses).mean()
