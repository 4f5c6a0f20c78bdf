from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.checks.bias.counterfactual_sensitivity import CounterfactualSensitivity
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Model, ModelSpec, Offer
from tests.datasets import builtin, numbers, table
from tests.datasets import judge as judged
from tests.models import LinearModel

SIDE = 32
FACE = ("left", "top", "right", "bottom")
BOX = (10, 8, 22, 24)


def judge(dataset, model):
    return {
        finding.scope: finding for finding in judged(CounterfactualSensitivity(), dataset, model)
    }


def pictures(n=120, channels=1, roles=None, columns=None, seed=0):
    """Noise, whose middle is dark or light by class."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = generator.uniform(0.3, 0.7, size=(n, channels, SIDE, SIDE))
    level = np.where(y == 0, 0.42, 0.58) + generator.normal(0, 0.05, n)
    x[:, :, 12:20, 12:20] = level.clip(0, 1)[:, None, None, None]
    columns = dict(zip(FACE, np.repeat([BOX], n, 0).T, strict=True)) | (columns or {})
    return table(x, y, np.arange(n) % 3 != 0, roles=roles, columns=columns)


def reader(rows, columns, slope=30.0):
    """Judges by the mean of a part of a grey picture."""
    weight = torch.zeros(SIDE, SIDE)
    weight[rows, columns] = 1
    weight = slope * weight.flatten() / weight.sum()
    both = torch.stack([-weight, weight], 1)
    return LinearModel(both, torch.tensor([0.5, -0.5]) * slope, (1, SIDE, SIDE))


CENTER = slice(12, 20), slice(12, 20)
CORNER = slice(0, 4), slice(0, SIDE)


def test_a_model_that_reads_the_border_is_found():
    found = judge(pictures(), reader(*CORNER))["background"]
    assert found.verdict is Verdict.FAIL
    assert "'bookshelf'" in found.claim
    assert "not located" in found.claim


def test_a_model_that_reads_the_middle_passes_whatever_hangs_behind():
    found = judge(pictures(), reader(*CENTER))["background"]
    assert found.verdict is Verdict.PASS
    assert found.estimate.high < 0.05


def test_light_moves_a_model_that_reads_brightness_but_not_one_that_reads_a_difference():
    weight = torch.zeros(SIDE, SIDE)
    weight[12:20, 12:16], weight[12:20, 16:20] = 1 / 32, -1 / 32
    generator = np.random.default_rng(0)
    data = pictures()
    # halves of the middle that differ: the answer is which is lighter
    splits = []
    for split in data.splits:
        x = split.x.clone() * 0.5
        level = torch.from_numpy(generator.normal(0, 0.15, len(x)).clip(-0.2, 0.2)).float()
        x[:, :, 12:20, 12:16] = 0.4 + level[:, None, None, None]
        x[:, :, 12:20, 16:20] = 0.4 - level[:, None, None, None]
        splits.append(replace(split, x=x))
    data = replace(data, splits=tuple(splits))
    both = torch.stack([-weight.flatten(), weight.flatten()], 1) * 5
    apart = LinearModel(both, torch.zeros(2), (1, SIDE, SIDE))
    difference = judge(data, apart)["light and camera"]
    brightness = judge(pictures(), reader(*CENTER))["light and camera"]
    assert brightness.verdict is Verdict.FAIL
    assert difference.estimate.value < brightness.estimate.low


def test_what_is_worn_is_not_assessed_without_a_face():
    found = judge(pictures(), reader(*CENTER))["glasses and headscarf"]
    assert found.verdict is Verdict.NOT_ASSESSED
    assert "--face" in found.reason


def test_pictures_too_small_for_a_background_have_none_assessed():
    found = judge(builtin("digits"), None)
    assert found["background"].verdict is Verdict.NOT_ASSESSED
    assert "no room" in found["background"].reason
    assert found["light and camera"].estimate is not None


def test_a_model_that_reads_the_eyes_is_moved_by_glasses_where_the_face_is_known():
    eyes = slice(12, 17), slice(10, 22)
    dataset = pictures(roles=Roles(face=FACE))
    found = judge(dataset, reader(*eyes))
    assert found["glasses and headscarf"].verdict is Verdict.FAIL
    assert "'glasses'" in found["glasses and headscarf"].claim
    assert "not located" not in found["background"].claim
    assert found["background"].verdict is Verdict.PASS


def test_with_a_face_the_whole_background_is_exchanged():
    beside = slice(12, 20), slice(26, 30)
    dataset = pictures(roles=Roles(face=FACE))
    assert judge(dataset, reader(*beside))["background"].verdict is Verdict.FAIL
    assert judge(dataset, reader(*CENTER))["background"].verdict is Verdict.PASS


class Jittery(Model):
    """Answers by the last bits of the picture: any change draws a new answer."""

    def __init__(self):
        offers = frozenset({Offer.LABELS, Offer.SCORES})
        super().__init__(ModelSpec("jittery", Task.NOMINAL, (1, SIDE, SIDE), 2, offers, "jittery"))

    def forward(self, x):
        noise = torch.sin(x.flatten(1).double().sum(1) * 1e5)
        return torch.stack([-noise, noise], 1)


def test_the_noise_floor_keeps_a_jittery_model_from_being_found():
    for found in judge(pictures(), Jittery()).values():
        assert found.verdict is Verdict.NOT_ASSESSED
    light = judge(pictures(), Jittery())["light and camera"]
    assert "taking the same picture again moves the score" in light.reason
    # its score moves far under every edit, as it does under none
    absolute, floor = light.measures[1:3]
    assert min(absolute.value, floor.value) > 0.5


def test_pictures_stand_next_to_what_they_became():
    (examples,) = judge(pictures(), reader(*CORNER))["background"].examples
    assert examples.pictures[0].width == 2 * SIDE
    assert "original, bookshelf" in examples.pictures[0].caption


def test_effects_are_told_by_group():
    person = np.array(["a", "b"])[np.arange(120) // 2 % 2]
    dataset = pictures(roles=Roles(sensitive=("kind",)), columns={"kind": person})
    tables = judge(dataset, reader(*CORNER))["background"].tables
    assert tables[1].title == "Effects of background by kind"
    assert {row[1] for row in tables[1].rows} == {"a", "b"}


def test_many_pictures_of_one_person_widen_the_interval():
    dataset = pictures(columns={"person": np.arange(120) // 12})
    grouped = replace(dataset, roles=Roles(group="person"))
    estimate = judge(grouped, reader(*CORNER))["background"].estimate
    assert "cluster bootstrap" in estimate.method


def test_color_pictures_are_also_warmed_and_cooled():
    dataset = pictures(channels=3)
    weight = torch.zeros(3, SIDE, SIDE)
    weight[0, 12:20, 12:20], weight[2, 12:20, 12:20] = 1 / 64, -1 / 64
    both = torch.stack([-weight.flatten(), weight.flatten()], 1)
    dataset = replace(
        dataset,
        splits=tuple(
            replace(split, x=split.x + torch.linspace(-0.05, 0.05, 3)[:, None, None])
            for split in dataset.splits
        ),
    )
    found = judge(dataset, LinearModel(both, torch.zeros(2), (3, SIDE, SIDE)))["light and camera"]
    assert [row[0] for row in found.tables[0].rows][-2:] == ["warmer", "cooler"]
    assert found.verdict is Verdict.FAIL


def people(n=600, seed=0):
    """A fair coin for the group, a column that moves along with it and one that does not."""
    generator = np.random.default_rng(seed)
    sex = generator.integers(0, 2, n)
    along = sex + generator.normal(size=n)
    skill = generator.normal(size=n)
    y = (skill + generator.normal(size=n) > 0).astype(int)
    x = np.stack([sex, along, skill], 1)
    names = ("sex", "along", "skill")
    roles = Roles(sensitive=("sex",))
    return table(x, y, np.arange(n) % 2, names=names, columns={"sex": sex.astype(str)}, roles=roles)


def weighing(*weights):
    column = torch.tensor(weights)[:, None]
    return LinearModel(torch.cat([-column, column], 1), torch.zeros(2), (len(weights),))


def test_a_model_that_uses_the_attribute_is_found():
    found = judge(people(), weighing(1.0, 0.0, 1.0))["sex alone"]
    assert found.verdict is Verdict.FAIL
    assert "taken from another group" in found.claim
    mean_of = {row[0]: row[2] for row in found.tables[1].rows}
    assert mean_of["0"] > 0.2  # a row of group 0 gains by becoming one of group 1
    assert mean_of["1"] < -0.2


def test_a_model_that_does_not_use_it_passes_alone_and_along():
    found = judge(people(), weighing(0.0, 0.0, 1.0))
    assert found["sex alone"].verdict is Verdict.PASS
    assert found["sex alone"].estimate.high == 0
    assert found["sex with what moves along"].verdict is Verdict.PASS


def test_a_model_that_uses_a_stand_in_passes_alone_and_not_along():
    found = judge(people(), weighing(0.0, 2.0, 0.3))
    assert found["sex alone"].verdict is Verdict.PASS
    along = found["sex with what moves along"]
    assert along.verdict is Verdict.FAIL
    assert "what moves along (along)" in along.claim


def test_the_mean_change_along_is_the_planted_one():
    column = torch.tensor([0.0, 2.0, 0.3])[:, None]
    model = LinearModel(column, torch.zeros(1), (3,), Task.REGRESSION)
    data = people(6000)
    splits = tuple(replace(split, y=split.y.float()) for split in data.splits)
    data = replace(data, task=Task.REGRESSION, classes=(), splits=splits)
    finding = judge(data, model)["sex with what moves along"]
    # the groups lie 2 apart in the score, whose deviation is that of 2 (sex + e) + 0.3 skill
    truth = 2 / np.sqrt(4 * 1.25 + 0.09)
    up, down = finding.measures
    assert up.low < truth < up.high
    assert down.low < -truth < down.high


def test_an_attribute_that_the_model_does_not_see_is_judged_along_only():
    data = people()
    splits = tuple(replace(split, x=split.x[:, 1:]) for split in data.splits)
    data = replace(data, splits=splits, features=data.features[1:])
    assert list(judge(data, weighing(1.0, 1.0))) == ["sex with what moves along"]


def test_a_regression_is_judged_by_its_number():
    model = LinearModel(torch.tensor([[1.0], [0.2]]), torch.zeros(1), (2,), Task.REGRESSION)
    data = numbers()
    named = tuple(
        replace(split, columns={"column 0": np.where(split.x[:, 0] > 0, "up", "down")})
        for split in data.splits
    )
    data = replace(data, splits=named, roles=Roles(sensitive=("column 0",)))
    found = judge(data, model)["column 0 alone"]
    assert len(found.measures) == 3  # no answer flips


def test_what_it_cannot_judge_is_not_assessed():
    with pytest.raises(NotAssessed, match="--sensitive"):
        judge(numbers(), weighing(1.0, 1.0))
    lonely = people()
    columns = {"sex": np.full(300, "x")}
    splits = tuple(replace(split, columns=columns) for split in lonely.splits)
    (found,) = judge(replace(lonely, splits=splits), weighing(1.0, 1.0, 1.0)).values()
    assert found.verdict is Verdict.NOT_ASSESSED
    constant = judge(pictures(), reader(*CENTER, slope=0.0))
    assert all(found.verdict is Verdict.NOT_ASSESSED for found in constant.values())
