"""The clock that shares a trial's time out; what it measures is not asserted anywhere."""

import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import shares
from table import noise, trial


@pytest.fixture
def clock(monkeypatch):
    """A clock on which one second passes between two looks."""
    monkeypatch.setattr(shares.time, "perf_counter", itertools.count().__next__)
    return shares.Clock()


def test_a_part_inside_another_counts_for_itself(clock):
    with clock.on("outer"), clock.on("inner"):
        pass
    clock.stop()
    assert clock.seconds == {shares.OTHER: 2, "outer": 2, "inner": 1}


def test_of_a_generator_its_own_steps_count(clock):
    steps = clock.around("steps", lambda: None)
    assert steps() is None
    counted = clock.around("many", (number for number in range(3)).__iter__)
    assert list(counted()) == [0, 1, 2]

    def three():
        yield from range(3)

    assert list(clock.around("generator", three)()) == [0, 1, 2]
    assert clock.seconds["generator"] == 4  # three values and the end
    assert clock.seconds["steps"] == 1


def test_every_part_of_a_trial_is_found():
    given = trial("free-pruning", seed=3)
    seconds = shares.of_trial(given, noise((1, 28, 28), (100, 50, 50)))
    every = {*shares._PARTS, *shares._METHOD, *shares._ENGINE, shares.OTHER}
    assert set(seconds) >= every - {shares._EFFECTIVE}
    assert all(each > 0 for each in seconds.values())
