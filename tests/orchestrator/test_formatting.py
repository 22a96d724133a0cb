import pytest

from orchestrator import formatting


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (41.4, "41 s"), (59.6, "1:00 min"), (200, "3:20 min"), (7513, "2:05:13 h")],
)
def test_a_measured_time(seconds, said):
    assert formatting.clock(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "under a second"),
        (1.2, "1 s"),
        (40, "40 s"),
        (720, "12 min"),
        (12_600, "3.5 h"),
        (1e6, "12 days"),
    ],
)
def test_a_guessed_time(seconds, said):
    assert formatting.about(seconds) == said


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
