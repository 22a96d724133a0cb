"""The pace of a run and what the progress says of it, by hand."""

import pytest

from orchestrator.execution.progress import Counts
from orchestrator.execution.throughput import Throughput


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def report(**about):
    return {"finished": 0, "failed": 0, "at": 0, "until": 1, "fraction": 0.0} | about


@pytest.fixture
def clock():
    return Clock()


def test_trials_in_hand_count_by_their_epochs_from_the_first_that_is_over(clock):
    pace = Throughput(clock)
    clock.now = 20.0  # workers have started
    pace.note("a", report())
    assert pace.rate() is None
    pace.note("a", report(fraction=0.1))
    clock.now = 30.0
    pace.note("a", report(fraction=0.6))
    assert pace.rate() == pytest.approx(0.05)
    pace.note("b", report(finished=1, at=1, until=2))
    assert pace.rate() == pytest.approx(0.15)
    assert pace.done == pytest.approx(1.6)


def test_trials_side_by_side_count_together(clock):
    pace = Throughput(clock)
    pace.note("a", report(until=8, fraction=0.25))
    assert pace.done == 2.0
    clock.now = 4.0
    pace.note("a", report(until=8, fraction=0.75))
    assert pace.rate() == 1.0


def test_too_short_a_time_tells_nothing(clock):
    pace = Throughput(clock)
    pace.note("a", report(fraction=0.1))
    clock.now = 1.0
    pace.note("a", report(fraction=0.2))
    assert pace.rate() is None


def test_what_a_lost_worker_had_in_hand_is_not_done(clock):
    pace = Throughput(clock)
    pace.note("a", report(fraction=0.5))
    clock.now = 5.0
    pace.drop("a")
    assert pace.done == 0.0
    assert pace.rate() is None


def test_the_words_say_workers_speed_and_time_left(clock):
    counts = Counts(10)
    counts._pace = Throughput(clock)
    counts.running = 1
    counts.note("a", report(finished=1))
    assert counts.words() == "1 worker"
    clock.now = 60.0
    counts.note("a", report(finished=1, failed=1))
    counts.lose("b")
    assert counts.words() == (
        "1 worker · 1 failed · 1 lost and replaced · 2.0 trials/min · 3:30 min left"
    )
