"""By hand, then against statsmodels, then what ties the tests together."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from analysis.statistics.paired import (
    Interval,
    of_values,
    t_interval,
    tost,
)

NOTHING = ([], [0.5], [0.5, math.nan, 0.1], [0.5, math.inf, 0.1], [0.25, 0.25, 0.25])
#: Whole numbers of images out of 10,000, not all equal.
DIFFERENCES = st.lists(st.integers(-300, 300), min_size=2, max_size=30).filter(
    lambda images: len(set(images)) > 1
)
MARGINS = st.integers(0, 300).map(lambda images: images / 10_000)


def _points(images: list[int]) -> np.ndarray:
    return np.array(images) / 10_000


def test_interval_by_hand():
    # mean 2, s = 1, n = 3; t(2) at 97.5% is 4.303, so half = 4.303 / sqrt(3) = 2.484
    found = t_interval([1, 2, 3])
    assert (found.mean, found.n) == (2, 3)
    assert (found.low, found.high) == pytest.approx((-0.484, 4.484), abs=1e-3)


def test_interval_at_another_level_by_hand():
    # t(2) at 95% is 2.920, so half = 2.920 / sqrt(3) = 1.686
    assert t_interval([1, 2, 3], 0.90).high == pytest.approx(3.686, abs=1e-3)


def test_no_interval():
    for values in NOTHING:
        found = t_interval(values)
        assert math.isnan(found.low)
        assert math.isnan(found.high)
        assert found.n == len(values)
    assert t_interval([0.5]).mean == 0.5
    assert t_interval([0.25, 0.25]).mean == 0.25
    assert math.isnan(t_interval([]).mean)
    assert math.isnan(t_interval([1, math.nan]).mean)


def test_greater_by_hand():
    # mean 2, standard error 1 / sqrt(3); against 0: t = 3.464. With two degrees of freedom
    # P(T > t) = 1/2 - t / (2 sqrt(2 + t^2)) = 1/2 - 3.464 / (2 sqrt(14)) = 0.0371
    assert of_values([1, 2, 3]).greater(0) == pytest.approx(0.0371, abs=1e-4)
    assert of_values([1, 2, 3]).greater(2) == pytest.approx(0.5)
    assert of_values([1, 2, 3]).greater(4) == pytest.approx(1 - 0.0371, abs=1e-4)


def test_noninferiority_by_hand():
    # differences with mean -1, s = 1; margin 3: t = (-1 + 3) * sqrt(3) = 3.464 as above
    assert of_values([-2, -1, 0]).greater(-3) == pytest.approx(0.0371, abs=1e-4)
    # margin 1: on the boundary
    assert of_values([-2, -1, 0]).greater(-1) == pytest.approx(0.5)
    assert of_values([-2, -1, 0]).less(-3) == pytest.approx(1 - 0.0371, abs=1e-4)


def test_equivalence_by_hand():
    # mean 0, s = 1, margin 2: t = 3.464 on either side
    assert tost([-1, 0, 1], 2) == pytest.approx(0.0371, abs=1e-4)
    # mean 1: the upper side decides, t = (2 - 1) * sqrt(3); 1/2 - 1.732 / (2 sqrt(5)) = 0.1127
    assert tost([0, 1, 2], 2) == pytest.approx(0.1127, abs=1e-4)
    assert tost([-2, -1, 0], 2) == pytest.approx(0.1127, abs=1e-4)


@pytest.mark.parametrize("values", NOTHING)
def test_no_p_value(values):
    estimate = of_values(values)
    for p in (estimate.greater(0), estimate.less(0), tost(values, 0.1)):
        assert math.isnan(p)


def test_differences_equal_up_to_rounding_give_nothing():
    equal = [0.9028 - 0.9015, 0.9128 - 0.9115, 0.0013]
    assert math.isnan(of_values(equal).greater(-0.002))
    assert math.isnan(t_interval(equal).low)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="margin must be"):
        tost([1, 2], -0.1)
    for mistaken in (lambda: tost([[1, 2]], 0.1), lambda: of_values([[1, 2]])):
        with pytest.raises(ValueError, match="one-dimensional"):
            mistaken()
    with pytest.raises(ValueError, match="level"):
        t_interval([1, 2], 95)


def test_an_interval_does_not_change():
    with pytest.raises(AttributeError):
        Interval(0.0, -1.0, 1.0, 3).low = 0.0  # type: ignore[misc]


@settings(max_examples=40)
@given(DIFFERENCES, MARGINS)
def test_statsmodels_gives_the_same(images, margin):
    values = _points(images)
    others = DescrStatsW(values)
    found = t_interval(values, 0.9)
    assert (found.low, found.high) == pytest.approx(others.tconfint_mean(0.1), abs=1e-12)
    expected = others.ttest_mean(-margin, "larger")[1]
    assert of_values(values).greater(-margin) == pytest.approx(expected, abs=1e-12)
    expected = others.ttest_mean(-margin, "smaller")[1]
    assert of_values(values).less(-margin) == pytest.approx(expected, abs=1e-12)
    equivalent = ttost_paired(values, np.zeros(values.size), -margin, margin)[0]
    assert tost(values, margin) == pytest.approx(equivalent, abs=1e-12)


@settings(max_examples=40)
@given(DIFFERENCES, MARGINS)
def test_tests_and_interval_agree(images, margin):
    values = _points(images)
    found = t_interval(values, 0.9)
    if min(abs(found.low + margin), abs(found.high + margin), abs(found.high - margin)) < 1e-9:
        return  # on the boundary rounding decides
    assert (of_values(values).greater(-margin) < 0.05) == (found.low > -margin)
    assert (of_values(values).less(-margin) < 0.05) == (found.high < -margin)
    assert (tost(values, margin) < 0.05) == (-margin < found.low and found.high < margin)


@settings(max_examples=40)
@given(DIFFERENCES, MARGINS, MARGINS)
def test_how_the_tests_hang_together(images, margin, other):
    values = _points(images)
    assert of_values(values).greater(-margin) + of_values(values).less(-margin) == pytest.approx(1)
    assert tost(values, margin) >= of_values(values).greater(-margin)
    assert tost(values, margin) == pytest.approx(tost(-values, margin))
    narrow, wide = sorted((margin, other))
    assert of_values(values).greater(-wide) <= of_values(values).greater(-narrow)


@settings(max_examples=40)
@given(DIFFERENCES)
def test_the_unit_does_not_matter(images):
    points, percent = _points(images), np.array(images) / 100
    assert of_values(points).greater(-0.002) == pytest.approx(of_values(percent).greater(-0.2))
    assert t_interval(points).low * 100 == pytest.approx(t_interval(percent).low)
