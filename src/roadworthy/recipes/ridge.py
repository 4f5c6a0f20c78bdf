from dataclasses import dataclass

import torch

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.training import Recipe
from roadworthy.networks import Part, build
from roadworthy.recipes.encoders import encoder_for
from roadworthy.training.trained import check_fits, trained


@dataclass(frozen=True)
class Ridge(Recipe):
    """Fits a linear model of a number, with a squared penalty on its weights.

    Numbers are standardized and categories one-hot encoded inside the model; images are flattened.
    The fit is scikit-learn's; the seed plays no part, for the solution has a closed form.

    Source: Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634.

    Args:
        penalty: weight of the squared norm.
    """

    penalty: float = 1.0

    card = Card("ridge", "Ridge regression", paper="doi:10.1080/00401706.1970.10488634")
    tasks = frozenset({Task.REGRESSION})
    kinds = frozenset({"image", "tabular"})

    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        from sklearn.linear_model import Ridge as Solver  # slow to import

        check_fits(self, data)
        if not len(rows):
            raise InputError("there are no rows to train on")
        encoder, inputs = encoder_for(data)
        parts = (encoder, Part("linear", {"inputs": inputs, "outputs": 1}))
        with torch.random.fork_rng(devices=[]):  # the first weights are drawn and overwritten
            network = build(parts)
        network[0].measure(rows.x)
        encoded = network[0](rows.x).flatten(1).double().numpy()
        solver = Solver(alpha=self.penalty).fit(encoded, rows.y.double().numpy())
        layer = network[1].head
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(solver.coef_)[None])
            layer.bias.fill_(float(solver.intercept_))
        progress.advance(1.0)
        return trained(network, parts, self, data)
