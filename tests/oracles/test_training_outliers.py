"""P-values of training rows: as rare as they say on clean rows, small for planted ones."""

from dataclasses import replace

import numpy as np
import pytest

from roadworthy.artifacts import DataValues, TrainingOutliers
from roadworthy.artifacts.training_outliers import RARE
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.errors import NotAssessed
from tests.datasets import blobs, builtin, numbers
from tests.models import Logistic


def value(data, request):
    subject = Subject(Logistic(data.train, max(2, len(data.classes))), data)
    return Bench(subject, Store(None)).get_for((request,))(request)


def with_far_rows(data, rows, split="train"):
    x = data.split(split).x.clone()
    x[rows] += 20.0
    splits = tuple(replace(s, x=x) if s.name == split else s for s in data.splits)
    return replace(data, splits=splits)


def test_p_values_of_clean_rows_are_as_rare_as_they_say():
    found = np.concatenate(
        [value(blobs(330, seed=s), TrainingOutliers(1000)).p_values.numpy() for s in range(12)]
    )
    for level in (0.05, 0.2, 0.5):
        assert (found <= level).mean() < level + 0.04


def test_planted_rows_stand_out_and_hardly_any_other():
    found = value(with_far_rows(blobs(600, seed=3), slice(0, 8)), TrainingOutliers(1000)).p_values
    assert (found[:8] <= RARE).all()
    assert (found[8:] <= RARE).double().mean() < 0.03


def test_rows_that_are_as_frequent_in_the_test_split_do_not_stand_out():
    data = with_far_rows(with_far_rows(blobs(600, seed=3), slice(0, 8)), slice(0, 8), "test")
    found = value(data, TrainingOutliers(1000)).p_values
    assert found[:8].median() > RARE


def test_few_test_rows_cannot_calibrate():
    with pytest.raises(NotAssessed, match="99 are needed"):
        value(blobs(48), TrainingOutliers(1000))


def test_wrong_labels_of_images_are_worth_less():
    data = builtin("digits")
    y = data.train.y.clone()
    y[:100] = (y[:100] + 1) % 10
    changed = replace(data, splits=(replace(data.train, y=y), data.test))
    found = value(changed, DataValues(300))
    assert found.asked == 300
    assert found.values[:100].mean() < 0 < found.values[100:].mean()


def test_numbers_have_no_value_of_this_kind():
    data = numbers()
    subject = Subject(Logistic(blobs().train, 2), data)
    with pytest.raises(NotAssessed, match="vote on classes"):
        DataValues(10).compute(subject, None, None)
