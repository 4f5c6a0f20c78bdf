from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from roadworthy.artifacts.views import views_of
from roadworthy.checks.methodology.group_overlap import GroupOverlap
from roadworthy.checks.methodology.shortcuts import Shortcuts
from roadworthy.checks.methodology.source_confounding import SourceConfounding
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset, make_dataset
from tests.datasets import blobs, builtin, judge, shared, table
from tests.models import LinearModel

SIDE = 24


def pictures(y, seed=0, strength=1.0):
    """Noise with a mark of the class in the middle, which a border does not see."""
    x = np.random.default_rng(seed).normal(0.5, 0.2, (len(y), 1, SIDE, SIDE))
    x[:, :, 9:15, 9:15] += 0.3 * strength * (2 * y[:, None, None, None] - 1)
    return x.clip(0, 1)


def from_hospitals(x, y, hospital):
    roles = Roles(environment="hospital")
    return table(x, y, np.arange(len(y)) % 3 == 2, columns={"hospital": hospital}, roles=roles)


def two_hospitals(n=900, seed=0):
    """One hospital sees three times as many ill as the other."""
    generator = np.random.default_rng(seed)
    hospital = np.where(generator.random(n) < 0.5, "A", "B")
    y = (generator.random(n) < np.where(hospital == "A", 0.75, 0.25)).astype(int)
    return hospital, y


def stamped(x, where):
    """Lay a token of 3 pixels into a corner of some pictures."""
    x = x.copy()
    x[where, :, :3, :3] = 1
    return x


def unlearned(data):
    return LinearModel(
        torch.zeros(data.train.x[0].numel(), max(1, len(data.classes))),
        torch.zeros(max(1, len(data.classes))),
        tuple(data.train.x.shape[1:]),
        data.task,
    )


def judged(data):
    return {finding.scope: finding for finding in judge(Shortcuts(), data, unlearned(data))}


def test_a_hospitals_token_fails_where_the_hospital_is_known():
    hospital, y = two_hospitals()
    data = from_hospitals(stamped(pictures(y), hospital == "A"), y, hospital)
    finding = judged(data)["borders"]
    assert finding.verdict is Verdict.FAIL
    assert "it tells the source (AUC 1.00)" in finding.claim


def test_without_the_token_it_is_silent():
    hospital, y = two_hospitals()
    found = judged(from_hospitals(pictures(y), y, hospital))
    assert {finding.verdict for finding in found.values()} == {Verdict.PASS}


def test_a_token_on_the_ill_is_only_suspected_where_no_source_is_known():
    _, y = two_hospitals()
    where = (np.random.default_rng(1).random(len(y)) < 0.85) == (y == 1)
    x = stamped(pictures(y, strength=0.2), where)
    finding = judged(table(x, y, np.arange(len(y)) % 3 == 2))["borders"]
    assert finding.verdict is Verdict.WARN
    assert "suspected shortcut" in finding.claim


def test_a_token_that_tells_no_label_is_none():
    _, y = two_hospitals()
    where = np.random.default_rng(1).random(len(y)) < 0.5
    data = table(stamped(pictures(y), where), y, np.arange(len(y)) % 3 == 2)
    assert judged(data)["borders"].verdict is Verdict.PASS


def portraits(n=900, **face):
    """Noise with a face above the middle; left of it, off the border, hangs what the ill have.

    Some faces are not known where columns are given.
    """
    y = np.random.default_rng(2).integers(2, size=n)
    x = pictures(np.zeros(n, dtype=int), seed=3, strength=0)
    x[y == 1, :, 6:10, 4:7] += 0.3
    sides = {"left": 10, "top": 5, "right": 14, "bottom": 11}
    columns = {side: np.full(n, str(value)) for side, value in sides.items()} | face
    roles = Roles(face=tuple(sides)) if face else Roles()
    return table(x.clip(0, 1), y, np.arange(n) % 3 == 2, columns=columns, roles=roles)


def some_unknown(n=900):
    return np.where(np.arange(n) % 50, "10", "")


def test_the_background_is_judged_where_a_face_is_declared():
    assert judged(portraits())["borders"].verdict is Verdict.PASS
    finding = judged(portraits(left=some_unknown()))["borders"]
    assert finding.verdict is Verdict.WARN
    assert "From the background alone" in finding.claim
    assert finding.estimate.value > 0.9


def test_a_background_shows_nothing_of_the_person():
    data = portraits(left=some_unknown())
    view = views_of(data, data.train)["background"]
    blank = data.train.x.clone()
    blank[:, :, 5:11, 10:14] = 0  # the face
    blank[:, :, 12:, 6:19] = 1  # the body below it, three faces wide
    assert np.array_equal(views_of(data, replace(data.train, x=blank))["background"], view)
    unknown = data.train.columns["left"] == ""
    assert unknown.any()
    assert np.allclose(view[unknown], view[~unknown].mean(0))
    other = data.train.x.clone()
    other[:, :, 6:10, 4:7] = 0
    assert (views_of(data, replace(data.train, x=other))["background"] != view).any()


def test_within_one_hospital_the_token_tells_nothing():
    hospital, y = two_hospitals()
    data = from_hospitals(stamped(pictures(y), hospital == "A"), y, hospital)
    measures = {measure.name: measure for measure in judged(data)["borders"].measures}
    (within,) = (measure for name, measure in measures.items() if "within" in name)
    assert within.low < 0.5 < within.high


def test_another_light_in_each_hospital_fails():
    hospital, y = two_hospitals()
    x = 0.6 * pictures(y) + 0.2 * (hospital == "A")[:, None, None, None]
    assert judged(from_hospitals(x, y, hospital))["brightness and contrast"].verdict is Verdict.FAIL


def test_permuted_labels_are_chance():
    hospital, y = two_hospitals()
    data = from_hospitals(stamped(pictures(y), hospital == "A"), y, hospital)
    finding = judged(data)["borders"]
    (control,) = (m for m in finding.measures if "permuted" in m.name)
    assert control.value == pytest.approx(0.5, abs=0.02)
    assert not finding.alarms


def test_a_fixed_border_is_looked_at_in_large_images_only():
    y = np.arange(60) % 2
    small = table(np.zeros((60, 1, 64, 64)), y, y == 3)
    large = table(np.zeros((60, 3, 80, 96)), y, y == 3)
    assert "border of 8 pixels" not in views_of(small, small.train)
    assert "border of 8 pixels" in views_of(large, large.train)


def test_a_border_does_not_see_the_center():
    x = np.zeros((6, 1, 80, 80))
    x[::2, :, 10:-10, 10:-10] = 1
    data = table(x, np.arange(6) % 2, np.zeros(6))
    views = views_of(data, data.train)
    for name in ("border of an eighth", "border of 8 pixels", "corners"):
        assert not views[name].any()
    assert (views["center"][::2] == 1).all()


def folder(path, kinds):
    """Write 60 grey pictures of noise for each class, as the kinds of file that are named."""
    generator = np.random.default_rng(0)
    for label, endings in kinds.items():
        (path / label).mkdir()
        for k in range(60):
            pixels = generator.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
            Image.fromarray(pixels).save(path / label / f"{k}.{endings[k % len(endings)]}")
    return path


def test_a_label_of_its_own_file_format_fails(tmp_path):
    data = load_dataset(folder(tmp_path, {"ill": ["jpg"], "well": ["png"]}))
    found = judged(data)
    assert found["file kind"].verdict is Verdict.FAIL
    assert found["file bytes"].verdict is not Verdict.PASS


def test_formats_that_tell_no_label_pass(tmp_path):
    data = load_dataset(folder(tmp_path, {"ill": ["jpg", "png"], "well": ["jpg", "png"]}))
    # 84 training rows leave some doubt, which is not held against the data
    assert judged(data)["file kind"].verdict in (Verdict.PASS, Verdict.NOT_ASSESSED)


def patients(is_missing, n=600):
    """Two columns that tell nothing, one of which lacks values."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, n)
    lab = [
        None if gone else value
        for gone, value in zip(is_missing(generator, y), generator.normal(size=n), strict=True)
    ]
    return make_dataset(pl.DataFrame({"age": generator.normal(size=n), "lab": lab}), y)


def test_a_test_that_only_the_ill_get_is_suspected():
    data = patients(lambda generator, y: generator.random(len(y)) < np.where(y == 1, 0.1, 0.7))
    assert judged(data)["which values are missing"].verdict is Verdict.WARN


def test_values_missing_at_random_pass():
    data = patients(lambda generator, y: generator.random(len(y)) < 0.4)
    assert judged(data)["which values are missing"].verdict is Verdict.PASS


def test_a_counter_of_sorted_rows_is_suspected_and_one_of_mixed_rows_is_not():
    generator = np.random.default_rng(0)
    for order, verdict in ((np.sort, Verdict.WARN), (generator.permutation, Verdict.PASS)):
        y = order(np.arange(600) % 2)
        x = np.column_stack([generator.normal(size=600), np.arange(600) + 1000.5])
        found = judged(table(x, y, generator.random(600) < 0.3))
        assert found["columns that count the rows"].verdict is verdict


def test_what_has_no_such_parts_is_not_assessed():
    for data, reason in ((blobs(), "no column counts"), (builtin("digits"), "too small")):
        with pytest.raises(NotAssessed, match=reason):
            judge(Shortcuts(), data)


def test_a_number_is_ranked_above_and_below_its_median():
    _, y = two_hospitals()
    target = y + 0.01 * np.random.default_rng(0).normal(size=len(y))
    data = table(
        stamped(pictures(y), y == 1), target, np.arange(len(y)) % 3 == 2, task=Task.REGRESSION
    )
    assert judged(data)["borders"].verdict is Verdict.WARN


def test_chest_x_rays_tell_the_label_by_their_borders_and_sources_and_repeat_patients():
    data = load_dataset(
        shared("chest_xray_covid_nih_96.npz"),
        metadata=shared("chest_xray_covid_nih_meta.csv.gz"),
        target="label",
        group="patient_id",
        environment="source",
    )
    finding = judged(data)["borders"]
    measures = {measure.name: measure for measure in finding.measures}
    assert finding.verdict is Verdict.WARN
    assert measures["AUC of the border of an eighth"].low > 0.64
    assert measures["AUC of the border of an eighth"].n == len(data.train)
    # no source explains it: all of these are of one
    (within,) = (m for name, m in measures.items() if "within 'NIH" in name)
    assert within.low > 0.64
    eight = {row[0]: row for row in finding.tables[0].rows}["border of 8 pixels"]
    assert eight[2] > 0.64
    for check in (SourceConfounding(), GroupOverlap()):
        assert judge(check, data, unlearned(data))[0].verdict is Verdict.FAIL


def test_borders_of_pneumonia_images_are_suspected():
    data = load_dataset(shared("pneumoniamnist_imbalanced.npz"))
    assert judged(data)["borders"].verdict is Verdict.WARN


def test_borders_of_handwritten_digits_pass():
    data = load_dataset(shared("mnist.npz"))
    assert judged(data)["borders"].verdict is Verdict.PASS


@pytest.mark.slow
def test_borders_of_noise_are_rarely_suspected_however_few_rows():
    found = []
    for n in (60, 150, 400):
        for seed in range(25):
            hospital = np.random.default_rng(seed).choice(["A", "B"], n)
            y = np.random.default_rng(100 + seed).integers(0, 2, n)
            found.append(judged(from_hospitals(pictures(y, seed), y, hospital))["borders"].verdict)
    # 1 in 20 is allowed; 8 of 75 would be beyond chance
    assert sum(verdict in (Verdict.WARN, Verdict.FAIL) for verdict in found) < 8
