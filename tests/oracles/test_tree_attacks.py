"""Attacks on trees against all cells that the thresholds cut the space into."""

from itertools import product

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from roadworthy import wrap_model
from roadworthy.attacks import DecisionTree, TreeEnsemble
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import NotAssessed
from roadworthy.core.threat import NORMS, Ball


def tree_model(estimator, classes=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(80, 3, generator=generator)
    y = ((x - 0.5) @ torch.randn(3, classes, generator=generator)).argmax(1)
    ids = torch.arange(80)
    splits = Split("train", x, y, ids), Split("test", x, y, ids)
    data = Dataset("rows", Task.NOMINAL, tuple("abc"[:classes]), splits)
    model = wrap_model(estimator.fit(x.numpy(), y.numpy()), data)
    return model, x[:6], model(x[:6]).argmax(1)


def cheapest(model, x, y, threat, target=None):
    """Try the nearest input of every cell."""
    trees = model.trees()
    inner = ~trees.is_leaf
    axes = []
    for feature in range(3):
        ends = trees.threshold[inner & (trees.feature == feature)].unique().numpy()
        low = np.concatenate([[0.0], np.nextafter(ends, np.float32(2))])
        high = np.concatenate([ends, [1.0]])
        axes.append(np.clip(float(x[feature]), low, high).astype(np.float32))
    cells = torch.tensor(np.array(list(product(*axes))), dtype=torch.float32)
    scores = model(cells)
    aim = y if target is None else target
    own = scores[:, aim]
    rest = scores.index_fill(1, aim, float("-inf")).amax(1)
    # equal votes are no error: which class wins is up to rounding
    fits = (rest - own if target is None else own - rest) > 1e-4
    return float(threat.distance(cells[fits] - x).min())


ESTIMATORS = [
    DecisionTreeClassifier(max_depth=5, random_state=0),
    RandomForestClassifier(3, max_depth=3, random_state=0),
    GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0),
]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_tree_ensemble_finds_the_nearest_cell_of_another_class(estimator, norm):
    model, x, y = tree_model(estimator)
    threat = Ball(norm, 1.0, scale=(1.0, 0.5, 2.0))
    result = run_attack(TreeEnsemble(), model, x, y, threat)
    for row in range(len(x)):
        best = cheapest(model, x[row], y[row], threat)
        assert float(result.distance[row]) == pytest.approx(best, rel=1e-4, abs=1e-6)


def test_tree_ensemble_finds_the_nearest_cell_of_the_class_to_reach():
    model, x, y = tree_model(ESTIMATORS[1])
    threat, target = Ball("l1", 1.0), (y + 1) % 3
    result = run_attack(TreeEnsemble(), model, x, y, threat, target=target)
    for row in range(len(x)):
        best = cheapest(model, x[row], y[row], threat, target[row])
        assert float(result.distance[row]) == pytest.approx(best, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("attack", [DecisionTree(), TreeEnsemble()], ids=lambda a: a.card.name)
def test_attacks_on_trees_leave_fixed_features_alone(attack):
    model, x, y = tree_model(ESTIMATORS[0])
    result = run_attack(attack, model, x, y, Ball("l2", 1.0, mutable=(True, False, True)))
    assert result.success.any()
    assert torch.equal(result.x[:, 1], x[:, 1])


def test_a_program_leaves_fixed_features_alone():
    model, x, y = tree_model(ESTIMATORS[1])
    result = run_attack(TreeEnsemble(), model, x, y, Ball("l2", 1.0, mutable=(True, False, True)))
    assert result.success.any()
    assert torch.equal(result.x[:, 1], x[:, 1])


def test_decision_tree_changes_only_what_is_split_below_the_nearest_ancestor():
    model, x, y = tree_model(ESTIMATORS[0])
    tree = model.trees()
    result = run_attack(DecisionTree(), model, x, y, Ball("linf", 1.0))
    assert result.success.all()
    choice = tree.scores.argmax(1)
    for row in range(len(x)):  # climb node by node
        path = [int(tree.roots[0])]
        while not tree.is_leaf[path[-1]]:
            goes_left = x[row, tree.feature[path[-1]]] <= tree.threshold[path[-1]]
            path.append(int((tree.left if goes_left else tree.right)[path[-1]]))
        for node in reversed(path[:-1]):
            other = int(tree.right[node]) if int(tree.left[node]) in path else int(tree.left[node])
            under, nodes = [other], []
            while under:
                nodes.append(under.pop())
                if not tree.is_leaf[nodes[-1]]:
                    under += [int(tree.left[nodes[-1]]), int(tree.right[nodes[-1]])]
            if any(tree.is_leaf[n] and choice[n] != y[row] for n in nodes):
                break
        assert int(tree.find_leaves(result.x[row : row + 1])[0, 0]) in nodes
        split = {int(tree.feature[n]) for n in [node, *nodes] if not tree.is_leaf[n]}
        moved = set((result.x[row] != x[row]).nonzero()[:, 0].tolist())
        assert moved <= split


def test_decision_tree_refuses_several_trees():
    model, x, y = tree_model(ESTIMATORS[1])
    with pytest.raises(NotAssessed, match="tree-ensemble"):
        run_attack(DecisionTree(), model, x, y, Ball("l2", 1.0))
