"""By hand, then what must hold of any runs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.overview import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_interquartile_mean_by_hand():
    # eight: two cut off at either end, (3 + 4 + 5 + 6) / 4
    assert interquartile_mean([8, 1, 2, 100, 3, 4, 5, 6]) == 4.5
    # five: one at either end, a quarter of five rounded down
    assert interquartile_mean([0, 1, 2, 6, 50]) == 3
    # three: none
    assert interquartile_mean([0, 1, 5]) == 2


def test_tasks_are_pooled():
    assert interquartile_mean([[8, 1, 2, 100], [3, 4, 5, 6]]) == 4.5


def test_no_interquartile_mean():
    assert math.isnan(interquartile_mean([]))
    assert math.isnan(interquartile_mean([1, 2, math.nan, 3]))


@given(SCORES, st.randoms(use_true_random=False))
def test_interquartile_mean_lies_within_and_knows_no_order(scores, shuffled):
    found = interquartile_mean(scores)
    assert min(scores) - 1e-12 <= found <= max(scores) + 1e-12
    shuffled.shuffle(scores)
    assert interquartile_mean(scores) == pytest.approx(found)


def test_profile_by_hand():
    # above, not at: 0.5 is above 0.4 but not above 0.5
    found = performance_profile([0.5, 0.9, 0.7, 0.9], [0.4, 0.5, 0.8, 0.9])
    assert found.tolist() == [1, 0.75, 0.5, 0]


def test_no_profile():
    assert np.isnan(performance_profile([], [0.1, 0.2])).tolist() == [True, True]
    assert np.isnan(performance_profile([0.3, math.nan], [0.1])).tolist() == [True]
    assert performance_profile([0.3], []).shape == (0,)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="scores must be one-dimensional"):
        performance_profile([[0.1]], [0.1])
    with pytest.raises(ValueError, match="thresholds must be one-dimensional"):
        performance_profile([0.1], 0.1)
    with pytest.raises(ValueError, match="thresholds must be numbers"):
        performance_profile([0.1], [math.nan])


@given(SCORES, SCORES)
def test_a_profile_falls_and_its_area_is_the_mean(scores, thresholds):
    profile = performance_profile(scores, sorted(thresholds))
    assert (np.diff(profile) <= 0).all()
    # the area below it, between its steps, is the mean score
    steps = np.array([0.0, *sorted(scores)])
    area = (performance_profile(scores, steps[:-1]) * np.diff(steps)).sum()
    assert area == pytest.approx(np.mean(scores))


def test_probability_of_improvement_by_hand():
    # 3 > 1 and 3 > 2 count one each, 2 > 1 one, 2 = 2 a half: 3.5 of 4
    assert probability_of_improvement([2, 3], [1, 2], seed=1).mean == 3.5 / 4
    apart = probability_of_improvement([4, 5, 6], [1, 2, 3], seed=1)
    assert (apart.mean, apart.low, apart.high, apart.n) == (1, 1, 1, 3)
    equal = probability_of_improvement([1, 1], [1, 1, 1], seed=1)
    assert (equal.mean, equal.low, equal.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("arm", "reference"), [([], [1]), ([1, math.nan], [1, 2])])
def test_no_probability_of_improvement(arm, reference):
    assert math.isnan(probability_of_improvement(arm, reference, seed=1).mean)


def test_one_run_has_a_probability_without_an_interval():
    found = probability_of_improvement([2], [1, 3], seed=1)
    assert found.mean == 0.5
    assert math.isnan(found.low)


@given(SCORES, SCORES)
def test_scipy_counts_the_same_pairs(arm, reference):
    expected = stats.mannwhitneyu(arm, reference).statistic / (len(arm) * len(reference))
    found = probability_of_improvement(arm, reference, seed=1, draws=99)
    assert found.mean == pytest.approx(expected)
    assert 0 <= found.mean <= 1
