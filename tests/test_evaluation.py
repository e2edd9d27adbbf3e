"""Errors, intervals, bits and confusions."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ffhelpers import evaluation


@st.composite
def predictions(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, classes = draw(st.integers(1, 60)), draw(st.integers(2, 6))
    return rng.random((n, classes)), rng.integers(0, classes, n)


@given(predictions())
def test_figures_agree_with_each_other(case):
    goodness, labels = case
    error, low, high = evaluation.error_interval(goodness, labels)
    assert 0 <= low <= error + 1e-12 and error - 1e-12 <= high <= 1
    assert error == evaluation.error(goodness, labels)
    matrix = evaluation.confusions(goodness, labels)
    assert matrix.sum() == len(labels)
    assert np.isclose(1 - np.trace(matrix) / len(labels), error)
    counts = np.bincount(labels, minlength=goodness.shape[1])
    assert (matrix.sum(1) == counts).all()
    by_class = evaluation.class_errors(goodness, labels)
    assert (np.isnan(by_class) == (counts == 0)).all()
    assert np.isclose(np.nansum(by_class * counts) / len(labels), error)


@given(predictions(), st.integers(1, 10))
def test_the_most_confidently_wrong_come_first(case, count):
    goodness, labels = case
    worst = evaluation.confidently_wrong(goodness, labels, count)
    wrong = goodness.argmax(1) != labels
    assert len(worst) == min(count, wrong.sum()) and wrong[worst].all()
    lead = goodness.max(1) - goodness[np.arange(len(labels)), labels]
    assert (np.diff(lead[worst]) <= 0).all()
    if len(worst):
        assert np.delete(np.where(wrong, lead, -1), worst).max(initial=-1) <= lead[worst].min()


def test_bits_of_a_known_distribution():
    p = np.array([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
    assert evaluation.bits(np.log(p), [0, 2]) == pytest.approx((1 + 3) / 2)
    assert evaluation.bits(np.log(p) + [[1000], [-1000]], [0, 2]) == pytest.approx(2)
    assert evaluation.bits(np.zeros((5, 30)), np.arange(5)) == pytest.approx(np.log2(30))
    assert evaluation.bits([[0.0, -np.inf]], [0]) == 0


def test_bits_of_the_true_distribution_are_its_entropy_and_no_other_takes_fewer():
    p = np.array([0.6, 0.2, 0.15, 0.05])
    labels = np.random.default_rng(1).choice(4, 100_000, p=p)
    fair = evaluation.bits(np.tile(np.log(p), (len(labels), 1)), labels)
    assert fair == pytest.approx(scipy.stats.entropy(p, base=2), abs=0.01)
    for other in ([0.25] * 4, [0.5, 0.3, 0.15, 0.05]):
        cost = evaluation.bits(np.tile(np.log(other), (len(labels), 1)), labels)
        assert cost - fair == pytest.approx(scipy.stats.entropy(p, other, base=2), abs=0.01)


def test_the_wilson_interval_of_a_known_case():
    goodness = np.zeros((100, 2))
    goodness[:, 0] = 1
    labels = np.r_[np.zeros(90, int), np.ones(10, int)]
    np.testing.assert_allclose(
        evaluation.error_interval(goodness, labels), (0.1, 0.05523, 0.17437), atol=1e-5
    )


def test_the_interval_is_students():
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    mean, low, high = evaluation.mean_interval(values)
    half = 2.776445 * np.std(values, ddof=1) / np.sqrt(5)  # the table's t for 4 degrees of freedom
    assert (mean, low, high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-5)


def test_one_value_has_no_interval(recwarn):
    with pytest.raises(ValueError, match="1 value: expected at least two"):
        evaluation.mean_interval([0.1])
    assert not recwarn.list


def test_the_interval_holds_the_mean_as_often_as_it_says():
    runs = np.random.default_rng(0).normal(size=(2000, 5))
    held = [low <= 0 <= high for _, low, high in map(evaluation.mean_interval, runs)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
