"""Counterfactual sensitivity of models of texts."""

import re
import zlib

import numpy as np
import pytest

from roadworthy import wrap_model
from roadworthy.artifacts.given_names import AFRICAN, EUROPEAN, NAMES
from roadworthy.checks.bias.counterfactual_sensitivity import CounterfactualSensitivity
from roadworthy.core.dataset import Roles
from roadworthy.core.finding import Verdict
from roadworthy.workflows.inspection import without_rows
from tests.datasets import judge, texts

GROUPS = {name: group for group, names in NAMES.items() for name in names}
SURE = 0.15  # to 0.85: how far the scores of the two classes lie apart


def applications(n=400, seed=0, people=0):
    """Letters about cats or cars, each with a name and a pronoun; a third are test rows."""
    generator = np.random.default_rng(seed)
    names, y = list(GROUPS), np.arange(n) % 2
    words = [
        f"{generator.choice(names)} knows the {('cat', 'car')[kind]}, and that is what "
        f"{generator.choice(['he', 'she'])} likes most of all {generator.integers(99)} colors."
        for kind in y
    ]
    columns = {"writer": np.arange(n) % people} if people else {}
    roles = Roles("writer") if people else Roles()
    return texts(words, y, np.arange(n) // 2 % 3 == 2, columns=columns, roles=roles)


def scorer(data, bias):
    """A model that knows cars by the word, and has a bias: a function of the text."""

    def score(strings):
        fair = np.array([0.85 if re.search(r"\bcar\b", s) else 0.15 for s in strings])
        jitter = np.array([0.002 * (len(s) % 3) for s in strings])
        return fair + jitter + 0.14 * np.array([float(bias(s)) for s in strings])

    return wrap_model(score, data)


def by_scope(data, bias):
    found = judge(CounterfactualSensitivity(), data, scorer(data, bias))
    return {finding.scope: finding for finding in found}


def has_name_of(place, kind):
    chosen = [name for name, group in GROUPS.items() if group[place] == kind]
    return lambda text: re.search(rf"\b(?:{'|'.join(chosen)})\b", text) is not None


def test_a_model_without_a_bias_passes_all_families():
    for finding in by_scope(applications(), lambda text: False).values():
        assert finding.verdict is Verdict.PASS, finding.claim


@pytest.mark.parametrize(
    ("bias", "family", "edit"),
    [
        (has_name_of(1, AFRICAN), "given names", "names of another origin"),
        (has_name_of(1, EUROPEAN), "given names", "names of another origin"),
        (has_name_of(0, "female"), "given names", "names of the other gender"),
        (lambda text: " she " in text, "pronouns", "he and she exchanged"),
        (lambda text: " they " in text, "pronouns", "they for he and she"),
        (lambda text: "dat" in text, "spelling and dialect", "African-American English spelling"),
        (
            lambda text: "colour" in text,
            "spelling and dialect",
            "British and American spelling exchanged",
        ),
    ],
)
def test_a_planted_bias_is_found_and_the_others_stay_silent(bias, family, edit):
    found = by_scope(applications(), bias)
    assert found[family].verdict is Verdict.FAIL
    assert repr(edit) in found[family].claim
    for name, finding in found.items():
        assert name == family or finding.verdict is Verdict.PASS


def test_the_effect_is_the_planted_one():
    data = applications()
    found = by_scope(data, has_name_of(0, "female"))["given names"]
    scores = scorer(data, has_name_of(0, "female"))(data.test.x).softmax(1)[:, 1]
    mean = next(m for m in found.measures if m.name.endswith("mean absolute change"))
    assert mean.value == pytest.approx(0.14 / float(scores.double().std()), rel=0.05)


def test_a_dislike_of_each_single_name_is_the_floor():
    def whim(text):  # differs from name to name, and not between groups
        return sum(map(ord, text.split()[0])) % 2

    finding = by_scope(applications(), whim)["given names"]
    assert finding.verdict in (Verdict.NOT_ASSESSED, Verdict.PASS)


def test_texts_without_anything_to_edit_are_counted():
    data = applications()
    half = [k % 4 < 2 for k in range(400)]
    plain = texts(
        [
            f"just {'car' if k % 2 else 'cat'} number {k}"
            if h
            else f"Emily, {'car' if k % 2 else 'cat'} {k}"
            for k, h in enumerate(half)
        ],
        np.arange(400) % 2,
        np.arange(400) // 2 % 3 == 2,
    )
    found = by_scope(plain, lambda text: False)
    test = len(plain.test)
    held = sum(not h for k, h in enumerate(half) if k // 2 % 3 == 2)
    assert (
        f"over {held} test rows ({test - held} hold nothing to edit)" in found["given names"].claim
    )
    assert found["pronouns"].verdict is Verdict.NOT_ASSESSED
    assert found["pronouns"].reason == (
        f"0 of {test} test rows hold he or she in any form, and at least 20 are needed"
    )
    assert len(data.test) == test


def test_many_texts_of_one_writer_widen_the_interval():
    alone = by_scope(applications(), has_name_of(1, AFRICAN))["given names"].estimate
    crowd = by_scope(applications(people=12), has_name_of(1, AFRICAN))["given names"].estimate
    assert "cluster" in crowd.method
    assert alone.n == crowd.n


def test_pairs_of_texts_are_shown_only_to_who_may_see_rows():
    finding = by_scope(applications(), has_name_of(1, AFRICAN))["given names"]
    (examples,) = finding.examples
    _, text, edited = examples.table.rows[0]
    assert text.split()[1:] == edited.split()[1:]
    assert GROUPS[text.split()[0]][1] != GROUPS[edited.split()[0]][1]
    assert edited not in repr(without_rows(finding))


@pytest.mark.slow
def test_a_model_whose_scores_are_noise_is_rarely_called_biased():
    wrong = 0
    for seed in range(40):
        data = applications(200, seed)

        def score(strings, seed=seed):
            return [
                0.1 + 0.8 * ((zlib.crc32(f"{seed} {s}".encode()) % 1000) / 1000) for s in strings
            ]

        model = wrap_model(score, data)
        found = judge(CounterfactualSensitivity(), data, model)
        wrong += any(finding.verdict is Verdict.FAIL for finding in found)
    assert wrong <= 3
