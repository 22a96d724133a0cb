import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.detectable import effect
from analysis.statistics.power import power, seeds_needed


def test_many_seeds_find_what_the_normal_distribution_says():
    # (1.645 + 0.842) / sqrt(n), from the tables of the normal distribution
    assert effect(10_000) == pytest.approx(0.02486, rel=1e-3)


def test_at_the_deviation_that_it_allows_the_power_is_the_wanted_one():
    assert power(0.5 / effect(15), 15, 0.5) == pytest.approx(0.8)


@given(st.integers(2, 60), st.floats(0.5, 0.95))
def test_it_agrees_with_the_seeds_that_are_needed(n, wanted):
    margin = 1.0
    allowed = margin / effect(n, wanted)
    assert seeds_needed(allowed * 0.999, margin, wanted) <= n
    more = seeds_needed(allowed * 1.001, margin, wanted)
    assert more is None or more > n


def test_one_seed_finds_nothing_and_no_fraction_is_refused():
    assert effect(1) == math.inf
    assert effect(5, power=0.04) == 0.0
    with pytest.raises(ValueError, match="power"):
        effect(5, power=2)
