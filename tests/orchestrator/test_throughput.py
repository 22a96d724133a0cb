"""The throughput of a run and what the progress says of it, by hand."""

import pytest

from orchestrator.execution.messages import WorkerReport
from orchestrator.execution.progress import Counts
from orchestrator.execution.throughput import Throughput
from studies.trial import Trial


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def trials(*epochs):
    fields = {"network": "lenet-16", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    return [Trial(**fields, epochs=each, seed=seed) for seed, each in enumerate(epochs)]


def report(at=0, until=None, **fields):
    return WorkerReport(at=at, until=at + 1 if until is None else until, **fields)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throughput(clock):
    return Throughput(trials(*[5] * 10), clock)


def test_trials_in_hand_count_by_their_epochs_from_the_first_that_is_over(throughput, clock):
    clock.now = 20.0  # workers have started
    throughput.note("a", report())
    assert throughput.rate() is None
    throughput.note("a", report(fraction=0.1))
    clock.now = 30.0
    throughput.note("a", report(fraction=0.6))
    assert throughput.rate() == pytest.approx(0.05)
    throughput.note("b", report(at=5))
    throughput.note("b", report(at=6, finished=1))
    assert throughput.rate() == pytest.approx(0.15)
    assert throughput.done == pytest.approx(1.6)
    throughput.end("b")
    assert throughput.done == pytest.approx(1.6)


def test_trials_side_by_side_count_together(throughput, clock):
    throughput.note("a", report(until=8, fraction=0.25))
    assert throughput.done == 2.0
    clock.now = 4.0
    throughput.note("a", report(until=8, fraction=0.75))
    assert throughput.rate() == 1.0


def test_of_a_pack_every_trial_counts_though_some_end_before_the_others(throughput):
    throughput.note("a", report(until=4))
    throughput.note("a", report(until=4, finished=1, fraction=0.5))  # one has diverged
    assert throughput.done == 2.0
    throughput.note("a", report(until=4, finished=2, fraction=1.0))  # between two records
    assert throughput.done == 4.0
    throughput.note("a", report(at=4, until=8, finished=1))
    assert throughput.done == 4.0


def test_a_trial_counts_by_its_length(clock):
    throughput = Throughput(trials(210, 10, 10, 10), clock)
    throughput.note("a", report(fraction=1 / 210))
    clock.now = 100.0
    throughput.note("a", report(fraction=105 / 210))
    throughput.note("b", report(at=1))
    assert throughput.done == pytest.approx(1.75)
    throughput.note("b", report(at=2, finished=1, fraction=0.5))
    assert throughput.done == pytest.approx(1.75 + 1 / 6 + 1 / 12)
    assert Throughput([]).done == 0


def test_too_short_a_time_tells_nothing(throughput, clock):
    throughput.note("a", report(fraction=0.1))
    clock.now = 1.0
    throughput.note("a", report(fraction=0.2))
    assert throughput.rate() is None


def test_what_a_lost_worker_had_not_written_is_not_done(throughput, clock):
    throughput.note("a", report(fraction=0.5))
    throughput.note("a", report(at=3, first_unwritten=1, finished=3, fraction=0.5))
    assert throughput.done == 3.5
    clock.now = 5.0
    throughput.lose("a")
    assert throughput.done == 1.0
    throughput.lose("a")  # its next item: it died before its first report
    assert throughput.done == 1.0


def test_the_words_say_workers_speed_and_time_left(throughput, clock):
    counts = Counts(throughput)
    counts.running = 1
    assert counts.words() == "1 worker"
    for now, news in (
        (0.0, report()),
        (0.0, report(at=1, finished=1)),
        (60.0, report(at=3, finished=1, failed=1)),
    ):
        clock.now = now
        throughput.note("a", news)
        counts.note("a", news)
    counts.worker_died("b")
    assert counts.words() == (
        "1 worker · 1 failed · 1 worker died and replaced · 2.0 trials/min · 3:30 min left"
    )


def test_trials_that_a_worker_took_with_it_are_not_counted_twice(throughput):
    counts = Counts(throughput)
    counts.note("a", report(at=4, finished=4, first_unwritten=3, retrained_finished=1))
    # One of the three has failed, and one of the pack in training has diverged.
    held = {"first_unwritten": 3, "retrained_finished": 3, "retrained_failed": 1}
    counts.note("a", report(at=6, finished=2, failed=1, **held))
    assert (counts.finished, counts.failed, counts.ended) == (6, 1, 7)
    counts.worker_died("a")
    assert (counts.finished, counts.failed, counts.ended) == (3, 0, 3)
    counts.worker_died("a")  # its next item: it died before its first report
    assert (counts.finished, counts.failed, counts.died) == (3, 0, 2)
    counts.note("b", report(at=6, finished=3, first_unwritten=6))
    assert (counts.ended, counts.total) == (6, 10)
