"""Work items handed out and taken back, by hand; and what Ray Tune is told of them."""

from dataclasses import asdict
from pathlib import Path

from orchestrator.execution.executors.ray_tune_adapters import ItemSearcher
from orchestrator.execution.messages import WorkerReport, WorkItem
from orchestrator.execution.retries import Retries
from orchestrator.execution.scheduler import WorkScheduler
from orchestrator.execution.work_queue import WorkQueue
from studies.store import Store
from studies.store.finished import failed_attempts, failure_logs
from studies.trial import Trial


def trials(count):
    fields = {"network": "lenet-16", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    return [Trial(**fields, epochs=1, seed=seed) for seed in range(1, count + 1)]


class NobodyElse:
    """A heartbeat where no other run of the study is alive."""

    elsewhere = frozenset()

    def __init__(self):
        self.claimed = set()
        self.training = []

    def claim(self, ids):
        self.claimed |= set(ids)

    def release(self, ids):
        self.claimed -= set(ids)

    def update(self, training, rate):
        self.training = training


def scheduler_of(tmp_path, count, workers=2, retries=1, alive=True):
    store, heartbeat = Store(str(tmp_path), "own"), NobodyElse()
    counts = Retries(store, {}, retries, lambda node: alive)
    scheduler = WorkScheduler(trials(count), WorkQueue(count, workers), heartbeat, counts)
    return scheduler, heartbeat, counts, store


def report(at, until, first_unwritten=0, **fields):
    return WorkerReport(
        at=at, until=until, first_unwritten=first_unwritten, pid=7, host="h", node="n", **fields
    )


def ended(at, **fields):
    return report(at, at, done=True, busy=0.1, **fields)


def test_items_are_handed_out_until_all_have_come_back(tmp_path):
    scheduler, heartbeat, _, _ = scheduler_of(tmp_path, 2)
    ids = [trial.trial_id for trial in trials(2)]
    one, two = scheduler.next_item("a"), scheduler.next_item("b")
    assert [(item.start, item.stop) for item in (one, two)] == [(0, 1), (1, 2)]
    assert heartbeat.claimed == set(ids)
    assert scheduler.next_item("c") is None  # one in training may still be given back
    assert not scheduler.ended
    scheduler.end("a", ended(at=0))  # stopped before it began
    assert heartbeat.claimed == {ids[1]}
    assert scheduler.next_item("c").start == 0
    scheduler.end("b", ended(at=2))
    scheduler.end("c", ended(at=1))
    assert scheduler.next_item("d") is None
    assert scheduler.ended


def test_ray_tune_gets_items_none_for_now_or_the_end(tmp_path):
    scheduler, _, _, _ = scheduler_of(tmp_path, 1)
    searcher = ItemSearcher(scheduler)
    assert WorkItem(**searcher.suggest("a")) == WorkItem(0, 1, 2.0)
    assert searcher.suggest("b") is None
    searcher.on_trial_result("a", asdict(report(0, 1)) | {"trial_id": "a", "time_total_s": 1})
    searcher.on_trial_complete("a", asdict(ended(1, finished=1)) | {"trial_id": "a"})
    assert searcher.suggest("b") == "FINISHED"
    assert WorkerReport.from_result({"done": True}) is None
    assert WorkerReport.from_result(None) is None


def test_the_heartbeat_says_what_is_in_training(tmp_path):
    scheduler, heartbeat, _, _ = scheduler_of(tmp_path, 8)
    for name in "ab":
        scheduler.next_item(name)
    scheduler.note("a", report(at=1, until=2))
    scheduler.note("b", report(at=2, until=4))
    ids = [trial.trial_id for trial in trials(8)]
    assert heartbeat.training == [ids[1], ids[2], ids[3]]
    scheduler.lose("b")
    assert heartbeat.training == [ids[1]]


def test_a_trial_that_kills_its_worker_is_tried_again_and_then_given_up(tmp_path):
    scheduler, _, retries, store = scheduler_of(tmp_path, 8, workers=1)
    assert scheduler.next_item("a") == WorkItem(0, 4, 2.0)
    scheduler.note("a", report(at=2, until=3, first_unwritten=1))
    scheduler.lose("a")  # at the third trial, the second not yet written
    assert not retries.explain("a", "killed")  # it may have been at the fourth meanwhile
    for name in "bc":
        item = scheduler.next_item(name)
        assert (item.start, item.stop) == (2, 3)
        scheduler.note(name, report(at=2, until=3, first_unwritten=2))
        scheduler.lose(name)
        assert retries.explain(name, "killed again")
    assert scheduler.next_item("d").start == 1  # the third is given up
    assert list(failed_attempts(store).values()) == [trials(8)[2].trial_id] * 2
    (log, *_) = failure_logs(store, frozenset()).values()
    assert "killed again" in Path(log).read_text()
    assert "(process 7 on h) died" in Path(log).read_text()


def test_a_worker_that_dies_with_its_node_is_not_its_trials_fault_but_for_the_eleventh(tmp_path):
    scheduler, _, retries, store = scheduler_of(tmp_path, 1, workers=1, retries=0, alive=False)
    for name in "abcdefghij":
        assert scheduler.next_item(name).start == 0
        scheduler.note(name, report(at=0, until=1))
        scheduler.lose(name)
        assert not retries.explain(name, "node died")
    assert not failed_attempts(store)
    scheduler.next_item("k")
    scheduler.note("k", report(at=0, until=1))
    scheduler.lose("k")
    assert retries.explain("k", "node died")
    assert scheduler.next_item("l") is None
    assert scheduler.ended


def test_a_worker_that_the_network_hides_is_not_its_trials_fault_but_for_the_eleventh(tmp_path):
    scheduler, _, retries, store = scheduler_of(tmp_path, 1, workers=1, retries=1)
    for name in "abcdefghij":
        assert scheduler.next_item(name).start == 0
        scheduler.note(name, report(at=0, until=1))
        scheduler.lose(name)
        assert not retries.explain(name, "unavailable", out_of_sight=True)
    assert not failed_attempts(store)
    for name in "kl":
        assert scheduler.next_item(name).start == 0
        scheduler.note(name, report(at=0, until=1))
        scheduler.lose(name)
        assert retries.explain(name, "unavailable", out_of_sight=True)
    assert len(failed_attempts(store)) == 2
    assert scheduler.next_item("m") is None


def test_a_worker_killed_for_its_memory_is_found_and_its_trial_blamed(tmp_path):
    scheduler, _, retries, store = scheduler_of(tmp_path, 4, workers=2)
    scheduler.next_item("a")
    scheduler.note("a", report(at=0, until=1))
    assert scheduler.item_of(7, ["other", "n"]) == "a"
    assert scheduler.item_of(7, ["other"]) is None
    assert scheduler.item_of(8, ["n"]) is None
    scheduler.blame("a")
    assert retries.explain("a", "low on memory")
    assert list(failed_attempts(store).values()) == [trials(4)[0].trial_id]


def test_workers_that_die_without_a_report_end_the_round(tmp_path):
    scheduler, _, _, store = scheduler_of(tmp_path, 100)
    names = iter(range(1000))
    while not scheduler.ended:
        name = str(next(names))
        assert scheduler.next_item(name) is not None
        scheduler.lose(name)
    assert next(names) < 15
    assert not failed_attempts(store)
