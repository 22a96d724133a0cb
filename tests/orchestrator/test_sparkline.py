import math

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli._sparkline import sparkline

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


def test_a_curve_goes_from_the_lowest_to_the_highest_block():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 0.5, 0]) == "█▅▁"


def test_what_is_not_finite_is_a_gap_and_a_level_curve_low():
    assert sparkline([0, math.nan, 1, math.inf]) == "▁ █ "
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([]) == ""


def test_a_long_curve_keeps_its_last_value():
    assert sparkline([0] * 99 + [1], width=10) == "▁" * 9 + "█"


@given(st.lists(FLOATS, max_size=80), st.integers(1, 40))
def test_any_curve_has_a_block_per_value_as_far_as_they_fit(values, width):
    assert len(sparkline(values, width)) == min(len(values), width)
