"""The throughput of a run and what the progress says of it, by hand."""

import pytest

from orchestrator.execution.messages import WorkerReport
from orchestrator.execution.progress import Counts
from orchestrator.execution.throughput import Throughput, lengths
from studies.trial import Trial


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def report(**fields):
    return WorkerReport(**({"until": 1} | fields))


@pytest.fixture
def clock():
    return Clock()


def test_trials_in_hand_count_by_their_epochs_from_the_first_that_is_over(clock):
    throughput = Throughput([1.0] * 10, clock)
    clock.now = 20.0  # workers have started
    throughput.note("a", report())
    assert throughput.rate() is None
    throughput.note("a", report(fraction=0.1))
    clock.now = 30.0
    throughput.note("a", report(fraction=0.6))
    assert throughput.rate() == pytest.approx(0.05)
    throughput.note("b", report(finished=1, at=1, until=2))
    assert throughput.rate() == pytest.approx(0.15)
    assert throughput.done == pytest.approx(1.6)


def test_trials_side_by_side_count_together(clock):
    throughput = Throughput([1.0] * 10, clock)
    throughput.note("a", report(until=8, fraction=0.25))
    assert throughput.done == 2.0
    clock.now = 4.0
    throughput.note("a", report(until=8, fraction=0.75))
    assert throughput.rate() == 1.0


def test_a_trial_counts_by_its_length(clock):
    fields = {"network": "lenet-16", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    trials = [Trial(**fields, epochs=epochs, seed=1) for epochs in (210, 10, 10, 10)]
    assert lengths(trials) == [3.5, 1 / 6, 1 / 6, 1 / 6]
    throughput = Throughput(lengths(trials), clock)
    throughput.note("a", report(fraction=1 / 210))
    clock.now = 100.0
    throughput.note("a", report(fraction=105 / 210))
    throughput.note("b", report(at=1, until=2))
    assert throughput.done == pytest.approx(1.75)
    throughput.note("b", report(at=2, until=3, finished=1, fraction=0.5))
    assert throughput.done == pytest.approx(1.75 + 1 / 6 + 1 / 12)
    assert lengths([]) == []


def test_too_short_a_time_tells_nothing(clock):
    throughput = Throughput([1.0] * 10, clock)
    throughput.note("a", report(fraction=0.1))
    clock.now = 1.0
    throughput.note("a", report(fraction=0.2))
    assert throughput.rate() is None


def test_what_a_lost_worker_had_in_hand_is_not_done(clock):
    throughput = Throughput([1.0] * 10, clock)
    throughput.note("a", report(fraction=0.5))
    clock.now = 5.0
    throughput.drop("a")
    assert throughput.done == 0.0
    assert throughput.rate() is None


def test_the_words_say_workers_speed_and_time_left(clock):
    counts = Counts([1.0] * 10)
    counts._throughput = Throughput([1.0] * 10, clock)
    counts.running = 1
    counts.note("a", report(finished=1, at=1, until=2))
    assert counts.words() == "1 worker"
    clock.now = 60.0
    counts.note("a", report(finished=1, failed=1, at=3, until=4))
    counts.worker_died("b")
    assert counts.words() == (
        "1 worker · 1 failed · 1 worker died and replaced · 2.0 trials/min · 3:30 min left"
    )
