from torch import Tensor

from roadworthy.core.artifact import Subject
from roadworthy.core.model import Offer


def answers(subject: Subject, outputs: Tensor) -> Tensor:
    """Give what a model's outputs say, in a unit that can be compared.

    Probabilities (N, K), 1 for the choice of a model that offers labels only; or numbers (N, 1) in
    standard deviations of the training targets.
    """
    outputs = outputs.double()
    if subject.dataset.classes:
        return outputs.softmax(1) if Offer.SCORES in subject.model.spec.offers else outputs
    return outputs.reshape(-1, 1) / subject.dataset.train.y.double().std().clamp(min=1e-12)
