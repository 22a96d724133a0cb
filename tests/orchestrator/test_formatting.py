import math

import pytest

from orchestrator import formatting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (41.4, "41 s"), (59.6, "1:00 min"), (200, "3:20 min"), (7513, "2:05:13 h")],
)
def test_a_measured_time(seconds, text):
    assert formatting.clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "under a second"),
        (1.2, "1 s"),
        (40, "40 s"),
        (720, "12 min"),
        (12_600, "3.5 h"),
        (1e6, "12 days"),
    ],
)
def test_an_estimated_time(seconds, text):
    assert formatting.approximate(seconds) == text


def test_sizes_and_counts():
    assert [formatting.size(n) for n in (10, 310_400, 12.3e6, 3.4e9)] == [
        "1 kB",
        "310 kB",
        "12.3 MB",
        "3.4 GB",
    ]
    assert [formatting.many(n, "seed") for n in (0, 1, 1200)] == [
        "0 seeds",
        "1 seed",
        "1,200 seeds",
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_not_finite_is_none_in_json(value):
    assert formatting.finite_or_none(value) is None


@pytest.mark.parametrize("value", [1.5, 0.0, 3, 10**400, True, "nan", None, [math.nan]])
def test_any_other_value_stays_in_json(value):
    assert formatting.finite_or_none(value) is value
