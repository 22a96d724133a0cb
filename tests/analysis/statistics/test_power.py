"""By hand, against statsmodels, and what more seeds do."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from analysis.statistics.power import detectable, joint_power, power, seeds_needed

DEVIATIONS = st.floats(1e-4, 0.1)
DIFFERENCES = st.floats(-0.01, 0.01)


def test_on_the_boundary_by_hand():
    # a true difference of -margin: t is central, and the test fails it in alpha of all cases
    assert power(0.01, 15, 0.002, difference=-0.002) == pytest.approx(0.05)
    assert power(0.01, 15, 0.002, difference=-0.002, level=0.9) == pytest.approx(0.1)


def test_many_seeds_by_hand():
    # n = 1000 is nearly normal: 0.005 * sqrt(1000) / 0.1 = 1.581 beyond a critical value of 1.646,
    # so P(Z > 0.065) = 0.474
    assert power(0.1, 1000, 0.005) == pytest.approx(0.474, abs=1e-3)


def test_seeds_for_a_medium_effect_by_hand():
    # effect 0.5: nearly (1.645 + 0.842)^2 / 0.5^2 = 24.7 by the normal distribution, and about
    # 1.645^2 / 2 = 1.4 more for t: 26.1, rounded up
    assert seeds_needed(2.0, 1.0) == 27


def test_no_seed_number_is_enough():
    assert seeds_needed(0.1, 0.001, most=50) is None
    assert seeds_needed(0.01, 0.002, difference=-0.002) is None


@pytest.mark.parametrize("deviation", [0.0, math.nan])
def test_a_pilot_that_says_nothing(deviation):
    assert math.isnan(power(deviation, 15, 0.002))
    assert seeds_needed(deviation, 0.002) is None


def test_no_test_no_power():
    for n in (0, 1):
        assert math.isnan(power(0.01, n, 0.002))
    assert math.isnan(power(0.01, 15, 0.002, difference=math.nan))


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="deviation must be a number of at least 0, not -1"):
        power(-1, 15, 0.002)
    with pytest.raises(ValueError, match="margin"):
        power(0.01, 15, -0.002)
    with pytest.raises(ValueError, match="level"):
        power(0.01, 15, 0.002, level=95)
    with pytest.raises(ValueError, match="power"):
        seeds_needed(0.01, 0.002, power=80)


@given(DEVIATIONS, st.integers(2, 200), DIFFERENCES)
def test_statsmodels_gives_the_same(deviation, n, difference):
    expected = TTestPower().power((difference + 0.002) / deviation, n, 0.05, alternative="larger")
    assume(not math.isnan(expected))  # it gives up where the noncentrality is large
    assert power(deviation, n, 0.002, difference) == pytest.approx(float(expected), abs=1e-6)


@given(DEVIATIONS, st.integers(2, 999), DIFFERENCES)
def test_power_is_a_probability_and_grows(deviation, n, difference):
    found = power(deviation, n, 0.002, difference)
    assert 0 <= found <= 1
    assert power(deviation, n, 0.003, difference) >= found - 1e-9
    if difference > -0.002:
        assert power(deviation, n + 1, 0.002, difference) >= found - 1e-9


@given(DEVIATIONS, st.sampled_from([0.5, 0.8, 0.95]))
def test_the_fewest_seeds_are_the_fewest(deviation, wanted):
    n = seeds_needed(deviation, 0.002, wanted)
    if n is None:
        assert power(deviation, 1000, 0.002) < wanted
    else:
        assert power(deviation, n, 0.002) >= wanted
        assert n == 2 or power(deviation, n - 1, 0.002) < wanted


def test_four_densities_are_harder_to_pass_than_one():
    # 15 seeds, a deviation of 0.18 points, a margin of 0.2, four densities that are all truly 0.1
    # points better: one alone passes in 66% of all studies, all four in 35%.
    assert power(0.0018, 15, 0.002, -0.001) == pytest.approx(0.66, abs=0.005)
    assert joint_power(0.0018, 15, 0.002, 4, -0.001) == pytest.approx(0.35, abs=0.01)


def test_the_joint_power_of_one_comparison_is_its_power():
    assert joint_power(0.0018, 15, 0.002, 1, -0.001) == power(0.0018, 15, 0.002, -0.001)
    assert math.isnan(joint_power(0.0, 15, 0.002, 4))
    assert math.isnan(joint_power(0.01, 1, 0.002, 4))


@given(DEVIATIONS, st.integers(2, 12))
def test_joint_power_lies_between_independence_and_one_comparison(deviation, comparisons):
    alone = power(deviation, 15, 0.002)
    joint = joint_power(deviation, 15, 0.002, comparisons)
    assert alone**comparisons - 0.02 <= joint <= alone + 0.02


def test_many_seeds_detect_what_the_normal_distribution_says():
    # (1.645 + 0.842) / sqrt(n), from the tables of the normal distribution
    assert detectable(10_000) == pytest.approx(0.02486, rel=1e-3)


@pytest.mark.parametrize("comparisons", [1, 4])
def test_at_the_deviation_that_can_be_detected_the_power_is_the_desired_one(comparisons):
    deviation = 0.5 / detectable(15, comparisons=comparisons)
    assert joint_power(deviation, 15, 0.5, comparisons) == pytest.approx(0.8, abs=1e-3)


@given(st.integers(2, 60), st.floats(0.5, 0.95))
def test_what_is_detectable_agrees_with_the_seeds_that_are_needed(n, wanted):
    margin = 1.0
    allowed = margin / detectable(n, wanted)
    assert seeds_needed(allowed * 0.999, margin, wanted) <= n
    more = seeds_needed(allowed * 1.001, margin, wanted)
    assert more is None or more > n


def test_one_seed_detects_nothing_and_no_fraction_is_refused():
    assert detectable(1) == math.inf
    assert detectable(5, power=0.04) == 0.0
    with pytest.raises(ValueError, match="power"):
        detectable(5, power=2)
