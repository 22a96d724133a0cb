"""By hand, against the formulas, and what the seed decides."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as other_mcnemar

from analysis.statistics.overview import probability_of_improvement
from analysis.statistics.paired import Interval
from analysis.statistics.resampling import bca, mcnemar

VALUES = np.random.default_rng(1).normal(0.01, 0.02, 15)


def _by_values(seed: int) -> Interval:
    return bca(VALUES, seed=seed, draws=999)


def _by_runs(seed: int) -> Interval:
    return probability_of_improvement(VALUES, VALUES[::-1] * 1.1, seed=seed, draws=999)


BOTH = pytest.mark.parametrize("found", [_by_values, _by_runs])


@BOTH
def test_the_same_seed_gives_the_same_bits(found: Callable[[int], Interval]):
    np.random.seed(1)
    first = found(7)
    np.random.seed(2)
    np.random.random(3)
    _by_values(8)
    _by_runs(8)
    assert found(7) == first


@BOTH
def test_another_seed_gives_another_interval(found: Callable[[int], Interval]):
    bounds = {(found(seed).low, found(seed).high) for seed in range(5)}
    assert len(bounds) > 1
    assert {found(seed).mean for seed in range(5)} == {found(0).mean}


@BOTH
def test_global_random_numbers_are_left_alone(found: Callable[[int], Interval]):
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    found(7)
    assert np.random.random() == expected


def test_bca_of_two_values_lies_between_them():
    found = bca([0.0, 1.0], seed=1, draws=999)
    assert found.mean == 0.5
    assert 0 <= found.low < found.high <= 1


def test_bca_against_its_formula():
    # Efron & Tibshirani 1993, section 14.3, from the definition
    rng = np.random.Generator(np.random.PCG64(3))
    means = VALUES[rng.integers(0, 15, (20_000, 15))].mean(1)
    bias = stats.norm.ppf((means < VALUES.mean()).mean())
    left = np.array([np.delete(VALUES, i).mean() for i in range(15)])
    skew = left.mean() - left
    speed = (skew**3).sum() / (6 * (skew**2).sum() ** 1.5)
    z = bias + stats.norm.ppf([0.025, 0.975])
    bounds = np.quantile(means, stats.norm.cdf(bias + z / (1 - speed * z)))
    found = bca(VALUES, seed=4, draws=20_000)
    # the quantiles of 20,000 means are off by some 2% of the width
    assert (found.low, found.high) == pytest.approx(bounds, abs=0.02 * np.ptp(bounds))


@pytest.mark.parametrize("values", [VALUES, VALUES[:2], np.exp(90 * VALUES[:5]), [0, 0, 1, 3]])
def test_scipy_gives_the_same_bca(values):
    rng = np.random.Generator(np.random.PCG64(5))
    settings = {"n_resamples": 999, "confidence_level": 0.9, "method": "BCa", "rng": rng}
    expected = stats.bootstrap((values,), np.mean, **settings).confidence_interval
    found = bca(values, level=0.9, seed=5, draws=999)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, math.nan], [0.1] * 5])
def test_bca_has_no_bounds(values):
    found = bca(values, seed=1, draws=99)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.n == len(values)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=6))
def test_bca_never_fails(images):
    found = bca(np.array(images) / 10_000, seed=1, draws=99)
    assert math.isnan(found.low) or found.low <= found.high


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="level"):
        bca(VALUES, level=95, seed=1)
    with pytest.raises(ValueError, match="one-dimensional"):
        bca([[0.1, 0.2]], seed=1)


def test_mcnemar_by_hand():
    # 5 images only the arm has right, none only the reference: 2 * (1/2)^5
    arm = np.array([True] * 7 + [False] * 3)
    reference = np.array([False] * 5 + [True] * 2 + [False] * 3)
    assert mcnemar(arm, reference) == pytest.approx(2 / 32)
    assert mcnemar(reference, arm) == pytest.approx(2 / 32)
    # 3 against 1: (1 + 4) * 2 / 16
    assert mcnemar([True] * 3 + [False], [False] * 3 + [True]) == pytest.approx(10 / 16)
    # 1 against 1
    assert mcnemar([True, False], [False, True]) == 1


def test_mcnemar_of_equal_trials_is_one():
    assert mcnemar([True, False, True], [True, False, True]) == 1
    assert math.isnan(mcnemar(np.zeros(0, bool), np.zeros(0, bool)))


def test_mcnemar_refuses_mistakes():
    with pytest.raises(ValueError, match="shape"):
        mcnemar([True, False], [True])
    with pytest.raises(ValueError, match="arm must be bool with 1"):
        mcnemar(np.ones((2, 3), bool), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="reference must be bool"):
        mcnemar([True, False], [1, 0])


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 5))
def test_statsmodels_gives_the_same(better, worse, agreed):
    arm = np.repeat([True, False, True], [better, worse, agreed + 1])
    reference = np.repeat([False, True, True], [better, worse, agreed + 1])
    expected = other_mcnemar([[agreed + 1, better], [worse, 0]], exact=True).pvalue
    assert mcnemar(arm, reference) == pytest.approx(float(expected))
