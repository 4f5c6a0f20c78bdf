from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from roadworthy.checks.data.outliers import Outliers
from roadworthy.core.dataset import Roles
from roadworthy.core.finding import Verdict
from roadworthy.sources import make_dataset
from tests.datasets import blobs, builtin, judge, table


def with_far_rows(n, column=2, by=30.0):
    """Blobs of which the first n test rows are moved along a column."""
    data = blobs(n=1200)
    x = data.test.x.clone()
    x[:n, column] += by
    return replace(data, splits=(data.train, replace(data.test, x=x)))


def test_planted_far_rows_are_listed_with_the_column_that_sets_them_apart():
    data = with_far_rows(30)
    (finding,) = judge(Outliers(), data)
    assert finding.verdict is Verdict.FAIL
    listed = {row for _, row in finding.examples[0].rows}
    planted = set(data.test.ids[:30].tolist())
    assert planted <= listed
    assert len(listed - planted) <= 5
    assert "'column 2'" in finding.examples[0].details[0]


def test_the_clean_twin_passes_and_says_what_it_could_have_seen():
    (finding,) = judge(Outliers(), with_far_rows(0))
    assert finding.verdict is Verdict.PASS
    assert not finding.examples
    (least,) = finding.measures
    assert f"fewer than {least.value:.0f}" in finding.claim
    assert judge(Outliers(), with_far_rows(int(least.value)))[0].verdict is Verdict.FAIL


def test_rows_of_production_are_judged_too():
    generator = np.random.default_rng(0)
    x, new = generator.normal(size=(600, 3)), generator.normal(size=(100, 3))
    new[:40] += 20
    data = make_dataset(x, np.arange(600) % 2, production=new)
    test, production = judge(Outliers(), data)
    assert (test.verdict, production.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert {split for split, _ in production.examples[0].rows} == {"production"}


def test_it_stays_silent_on_rows_drawn_alike():
    alarms = [
        judge(Outliers(), blobs(n=300, seed=seed))[0].verdict is not Verdict.PASS
        for seed in range(40)
    ]
    # at most 5 % in the long run: of 40, more than 5 have a chance of 1.4 %
    assert sum(alarms) <= 5


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "digits"])
def test_it_is_silent_on_a_clean_set(name):
    assert judge(Outliers(), builtin(name))[0].verdict is Verdict.PASS


def test_inverted_images_are_found():
    data = builtin("digits")
    x = data.test.x.clone()
    x[:60] = 1 - x[:60]
    data = replace(data, splits=(data.train, replace(data.test, x=x)))
    (finding,) = judge(Outliers(), data)
    assert finding.verdict is Verdict.FAIL
    assert len({r for _, r in finding.examples[0].rows} & set(data.test.ids[:60].tolist())) > 55
    assert finding.examples[0].pictures


SAID = (
    "see you at home tonight call me later dinner is ready the train was late again please bring "
    "some milk and bread when are we meeting tomorrow thanks for your help yesterday"
)
WORDS = SAID.split()
GERMAN = [
    "Wir freuen uns, Ihnen mitzuteilen, dass Ihre Bestellung heute verschickt wurde.",
    "Der Hund lief über die Straße und bellte den Briefträger an, der gerade vorbeikam.",
    "Ich habe gestern meine Schlüssel verloren und konnte nicht in die Wohnung.",
    "Das Wetter wird am Wochenende wieder schlechter, sagt der Wetterbericht.",
]
GARBLED = [f"<div class='x{k}'><a href='http://a.b/c?d={k}'>{k}</a><br/></div>" for k in range(20)]


def messages(n, seed):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(3, 16))) for _ in range(n)]


@pytest.mark.parametrize("odd", [GERMAN * 5, GARBLED, []], ids=["German", "markup", "none"])
def test_texts_of_another_kind_are_found(odd):
    train, test = messages(800, 0), [*odd, *messages(300, 1)]
    frame = {
        "text": train + test,
        "y": (["a", "b"] * 600)[: len(train) + len(test)],
        "split": ["train"] * len(train) + ["test"] * len(test),
    }
    (finding,) = judge(Outliers(), make_dataset(pl.DataFrame(frame), "y", text="text"))
    assert finding.verdict is (Verdict.FAIL if odd else Verdict.PASS)
    listed = {row - len(train) for example in finding.examples for _, row in example.rows}
    assert set(range(len(odd))) <= listed
    assert len(listed) <= len(odd) + 2


def test_rows_of_few_groups_do_not_calibrate():
    data = with_far_rows(30)
    n = sum(len(split) for split in data.splits)
    y, x = torch.zeros(n, dtype=torch.int64), torch.zeros(n, 4)
    for split in data.splits:
        x[split.ids], y[split.ids] = split.x, split.y
    is_test = np.isin(np.arange(n), data.test.ids)
    grouped = table(x, y, is_test, columns={"p": np.arange(n) % 30}, roles=Roles(group="p"))
    (finding,) = judge(Outliers(), grouped)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "groups" in finding.reason


def test_a_category_never_seen_in_training_sets_a_row_apart_by_its_column():
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "a": generator.random(900),
            "color": ["red"] * 870 + ["ultraviolet"] * 30,
            "y": np.arange(900) % 2,
            "split": ["train"] * 600 + ["test"] * 300,
        }
    )
    (finding,) = judge(Outliers(), make_dataset(frame, "y"))
    assert finding.verdict is Verdict.FAIL
    assert "'color'" in finding.examples[0].details[0]
