import numpy as np
import pytest

from roadworthy.core.agreement import (
    category_kappas,
    fleiss_kappa,
    krippendorff_alpha,
    rating_counts,
)

# Fleiss 1971, table 1: six psychiatrists' diagnoses of thirty patients, by their number:
# depression, personality disorder, schizophrenia, neurosis, other
DIAGNOSES = """
    444444 222555 233335 555555 222444 113333 333355 113334 114444 555555
    144444 124444 222333 144444 224445 333335 111455 111112 224444 133555
    555555 244444 224555 114444 144445 222224 111155 224444 133333 555555
"""
FLEISS = np.array([[int(digit) - 1 for digit in patient] for patient in DIAGNOSES.split()])

# Krippendorff 2011, section C: four observers, twelve units, "." where none was given
KRIPPENDORFF = np.array(
    [
        [-1 if digit == "." else int(digit) - 1 for digit in observer]
        for observer in ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    ]
).T


def test_fleiss_kappa_is_the_published_example():
    counts = rating_counts(FLEISS, 5)
    assert fleiss_kappa(counts) == pytest.approx(0.430, abs=5e-4)
    published = [0.245, 0.245, 0.520, 0.471, 0.566]
    assert category_kappas(counts) == pytest.approx(published, abs=1e-3)


def test_the_kappa_of_a_class_is_that_of_it_against_the_rest():
    counts = rating_counts(FLEISS, 5)
    against = [np.stack([c, 6 - c], 1) for c in counts.T]
    assert category_kappas(counts) == pytest.approx([float(fleiss_kappa(two)) for two in against])


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_krippendorffs_alpha_is_the_published_example(level, published):
    alpha = krippendorff_alpha(rating_counts(KRIPPENDORFF, 5), level)
    assert alpha == pytest.approx(published, abs=5e-4)


def test_alpha_is_kappa_with_a_correction_for_few_rows():
    counts = rating_counts(FLEISS, 5)
    kappa, n = float(fleiss_kappa(counts)), counts.sum()
    # both by one minus observed over expected; alpha draws without putting back
    assert 1 - krippendorff_alpha(counts) == pytest.approx((1 - kappa) * (n - 1) / n)


def test_raters_that_agree_get_1_and_those_that_toss_coins_0():
    labels = np.random.default_rng(0).integers(0, 3, (4000, 3))
    same = rating_counts(np.repeat(labels[:, :1], 3, 1), 3)
    assert fleiss_kappa(same) == pytest.approx(1)
    assert krippendorff_alpha(same) == pytest.approx(1)
    # the standard error is about 0.006
    assert fleiss_kappa(rating_counts(labels, 3)) == pytest.approx(0, abs=0.03)


def test_two_raters_give_scotts_pi():
    labels = np.random.default_rng(0).integers(0, 3, (50, 2))
    labels[:30, 1] = labels[:30, 0]
    shares = np.bincount(labels.ravel()) / 100
    agreed, expected = (labels[:, 0] == labels[:, 1]).mean(), (shares**2).sum()
    pi = (agreed - expected) / (1 - expected)
    assert fleiss_kappa(rating_counts(labels, 3)) == pytest.approx(pi)


def test_a_weight_is_a_row_that_is_repeated():
    counts = rating_counts(FLEISS, 5)
    weights = np.random.default_rng(0).integers(0, 4, len(counts))
    repeated = np.repeat(counts, weights, 0)
    assert fleiss_kappa(counts, weights) == pytest.approx(float(fleiss_kappa(repeated)))
    assert category_kappas(counts, weights) == pytest.approx(category_kappas(repeated))
    alpha = krippendorff_alpha(counts, "ordinal", weights)
    assert alpha == pytest.approx(krippendorff_alpha(repeated, "ordinal"))


def test_several_panels_are_judged_at_once():
    both = np.stack([FLEISS, FLEISS[:, ::-1] % 3])
    counts = rating_counts(both, 5)
    assert fleiss_kappa(counts) == pytest.approx([float(fleiss_kappa(c)) for c in counts])


def test_agreement_on_one_class_only_is_undefined():
    counts = rating_counts(np.zeros((5, 3), dtype=int), 2)
    assert np.isnan(fleiss_kappa(counts))
    assert np.isnan(krippendorff_alpha(counts))
    assert np.isnan(krippendorff_alpha(rating_counts(np.array([[0, -1], [1, -1]]), 2)))
