"""Work items handed out and taken back, by hand; and what Ray Tune is told of them."""

import platform
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.execution.executors import Round
from orchestrator.execution.executors.ray_tune import _blame
from orchestrator.execution.executors.ray_tune_adapters import Callbacks, ItemSearcher
from orchestrator.execution.loggers import Destination, Loggers
from orchestrator.execution.memory_kills import MemoryKills, total
from orchestrator.execution.messages import WorkerReport, WorkItem
from orchestrator.execution.monitor import Monitor
from orchestrator.execution.retries import Fault, Retries
from orchestrator.execution.scheduler import WorkScheduler
from orchestrator.execution.stop_signal import StopSignal
from orchestrator.execution.throughput import Throughput
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


def scheduler_of(tmp_path, count, workers=2, retries=1, alive=True, kills=(), shortages=None):
    """A scheduler and what it is made with; `kills` grows with each kill of the kernel."""
    store, heartbeat = Store(str(tmp_path), "own"), NobodyElse()
    counts = Retries(store, {}, retries, lambda node: alive)
    shortages = [] if shortages is None else shortages
    queue, memory_kills = WorkQueue(count, workers), MemoryKills(lambda: len(kills))
    scheduler = WorkScheduler(
        trials(count),
        queue,
        heartbeat,
        counts,
        Throughput(trials(count)),
        memory_kills,
        shortages.append,
    )
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
    assert heartbeat.claimed == set(ids)  # what is trained stays this run's own
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


def test_what_a_worker_will_not_come_to_is_free_as_soon_as_its_time_is_over(tmp_path):
    """The trial in training may take hours, and other runs wait for what this one has in hand."""
    scheduler, heartbeat, _, _ = scheduler_of(tmp_path, 8)
    ids = [trial.trial_id for trial in trials(8)]
    assert scheduler.next_item("a") == WorkItem(0, 2, 2.0)
    scheduler.note("a", report(at=0, until=1, busy=1.9))
    assert heartbeat.claimed == set(ids[:2])
    scheduler.note("a", report(at=0, until=1, busy=2.1))
    assert heartbeat.claimed == set(ids[:1])
    scheduler.note("a", report(at=0, until=1, busy=3.1))
    assert scheduler.next_item("b").start == 1
    scheduler.end("a", ended(at=1))
    names, later = iter("cdefghij"), []
    while (item := scheduler.next_item(next(names))) is not None:
        later += range(item.start, item.stop)
    assert later == [*range(2, 8)]


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
        assert not retries.explain(name, "unavailable", lambda pid: Fault.NETWORK)
    assert not failed_attempts(store)
    for name in "kl":
        assert scheduler.next_item(name).start == 0
        scheduler.note(name, report(at=0, until=1))
        scheduler.lose(name)
        assert retries.explain(name, "unavailable", lambda pid: Fault.NETWORK)
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


def test_a_trial_that_its_worker_may_have_left_already_is_a_suspect(tmp_path):
    """Reports come once a second; another trial may have filled the memory since the last one."""
    scheduler, _, retries, store = scheduler_of(tmp_path, 12, workers=1)
    item = scheduler.next_item("a")
    assert item.stop == 6
    ids = [trial.trial_id for trial in trials(12)]
    scheduler.note("a", report(at=2, until=3))
    scheduler.blame("a")
    assert scheduler.suspects == set(ids[2:6])
    assert not retries.explain("a", "low on memory")
    scheduler.note("a", report(at=5, until=6))
    scheduler.blame("a")
    assert retries.explain("a", "low on memory")
    assert list(failed_attempts(store).values()) == [ids[5]]


def in_hand(scheduler, *names, host=None):
    """Have workers begin an item each, all of one trial: process 1 on this host, 2, .."""
    for pid, name in enumerate(names, start=1):
        at = scheduler.next_item(name).start
        begun = report(at=at, until=at + 1)
        scheduler.note(name, replace(begun, pid=pid, host=host or platform.node()))


def test_workers_that_the_kernel_kills_for_memory_that_they_share_cost_no_trial_a_try(tmp_path):
    kills, shortages = [], []
    scheduler, _, retries, store = scheduler_of(
        tmp_path, 3, workers=3, retries=0, kills=kills, shortages=shortages
    )
    in_hand(scheduler, "a", "b", "c")
    kills += [1, 2]
    scheduler.lose("a")
    scheduler.lose("b")
    assert shortages == [2, 1]
    assert not retries.explain("a", "killed")
    assert not retries.explain("b", "killed")
    assert scheduler.next_item("d") is None  # as long as c trains
    scheduler.end("c", ended(at=3, finished=1))
    assert scheduler.next_item("d").start == 1
    assert scheduler.next_item("e") is None
    # Alone, it is to blame itself.
    scheduler.note("d", replace(report(at=1, until=2), host=platform.node()))
    kills.append(3)
    scheduler.lose("d")
    assert retries.explain("d", "killed")
    assert list(failed_attempts(store).values()) == [trials(3)[1].trial_id]


def test_a_death_that_the_kernel_did_not_cause_or_on_another_machine_counts(tmp_path):
    kills, shortages = [], []
    scheduler, _, retries, _ = scheduler_of(tmp_path, 4, kills=kills, shortages=shortages)
    in_hand(scheduler, "a", "b")
    scheduler.lose("a")
    assert retries.explain("a", "a bug")
    kills.append(1)
    scheduler.note("b", replace(report(at=1, until=2), host="elsewhere"))
    scheduler.lose("b")
    assert retries.explain("b", "killed there")
    assert not shortages


def test_kills_are_read_from_the_kernel():
    lines = Path("/proc/vmstat").read_text().split("\n") if Path("/proc/vmstat").exists() else []
    assert total() == sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


RAY_SAYS = """ray.exceptions.OutOfMemoryError: Killed due to the node running low on memory.
Node ID: n
Ray killed {count} worker(s) based on the killing policy
{killed}
Top 10 memory users: PID\tMEM(GB)\tCOMMAND
99\t9.00\tanother program
{sizes}
98\t0.08\tray::DashboardAgent
"""


def ray_says(sizes, killed):
    """What Ray says where workers 1, 2, .. of these sizes ran, and some of them were killed."""
    return RAY_SAYS.format(
        count=len(killed),
        killed="\n".join(
            f"Selected to kill: (Actor(1): job ID=01, pid={pid}, actual memory used={sizes[pid]}GB)"
            for pid in killed
        ),
        sizes="\n".join(f"{pid}\t{size:.2f}\tray::WorkerActor" for pid, size in sizes.items()),
    )


@pytest.mark.parametrize(
    ("sizes", "killed", "blamed"),
    [
        ({1: 1.0, 2: 1.1}, [1], None),  # both of a size
        ({1: 1.0, 2: 1.9}, [2], None),
        ({1: 1.0, 2: 2.1}, [1], 2),  # the larger one, whichever was killed
        ({1: 4.0, 2: 0.5}, [2, 1], 1),
        ({1: 4.0}, [1], 1),  # it was alone
        ({1: 0.05}, [1], 1),
    ],
)
@pytest.mark.parametrize("first", [None, 1, 2])
def test_who_is_to_blame_where_rays_memory_monitor_killed(tmp_path, sizes, killed, blamed, first):
    """Ray Tune fails as a whole, or tells of the first worker's death and then fails."""
    scheduler, _, retries, store = scheduler_of(tmp_path, len(sizes), workers=len(sizes), retries=0)
    names = {1: "a", 2: "b"}
    in_hand(scheduler, *"ab"[: len(sizes)])
    stop = StopSignal()
    monitor = Monitor(
        "own",
        Throughput(trials(len(sizes))),
        retries,
        stop,
        Loggers([], Destination("own", tmp_path), []),
        fail_fast=False,
    )
    crash = ray_says(sizes, killed)
    (tmp_path / "error").write_text(crash)
    if first in killed:
        trial = SimpleNamespace(
            trial_id=names[first], error_file=tmp_path / "error", status="ERROR"
        )
        ItemSearcher(scheduler).on_trial_complete(names[first], None, error=True)
        Callbacks(monitor, scheduler, None).on_trial_error(0, [trial], trial)
    _blame(crash, Round((), scheduler, monitor, stop))
    failed = list(failed_attempts(store).values())
    assert failed == ([] if blamed is None else [trials(2)[blamed - 1].trial_id])


def test_workers_that_die_without_a_report_end_the_round(tmp_path):
    scheduler, _, _, store = scheduler_of(tmp_path, 100)
    names = iter(range(1000))
    while not scheduler.ended:
        name = str(next(names))
        assert scheduler.next_item(name) is not None
        scheduler.lose(name)
    assert next(names) < 15
    assert not failed_attempts(store)


def test_what_has_ended_is_no_longer_in_training(tmp_path):
    scheduler, heartbeat, _, _ = scheduler_of(tmp_path, 2)
    item = scheduler.next_item("a")
    scheduler.note("a", report(at=0, until=1))
    assert heartbeat.training
    scheduler.end("a", ended(item.stop))
    assert heartbeat.training == []


def test_what_a_dead_worker_had_not_written_is_not_done(tmp_path):
    scheduler, _, _, _ = scheduler_of(tmp_path, 12, workers=1)
    assert scheduler.next_item("a").stop == 6
    scheduler.note("a", report(at=0, until=1))
    scheduler.note("a", report(at=3, until=4, first_unwritten=1))
    assert scheduler._throughput.done == 3
    scheduler.lose("a")
    assert scheduler._throughput.done == 1


def test_a_kill_of_the_kernel_explains_one_death():
    kills = [0]
    memory_kills = MemoryKills(lambda: kills[0])
    assert not memory_kills.explain_death()
    kills[0] = 2
    assert [memory_kills.explain_death() for _ in range(3)] == [True, True, False]


def test_a_failure_is_explained_once(tmp_path):
    scheduler, _, retries, store = scheduler_of(tmp_path, 1)
    scheduler.next_item("a")
    scheduler.note("a", report(at=0, until=1))
    scheduler.lose("a")
    assert retries.explain("a", "killed")
    assert not retries.explain("a", "killed")
    assert len(failed_attempts(store)) == 1


def test_a_report_shows_that_workers_can_work(tmp_path):
    scheduler, _, _, _ = scheduler_of(tmp_path, 100)
    for silent in [True] * 10 + [False] + [True] * 10:
        assert scheduler.next_item("a") is not None
        if not silent:
            scheduler.note("a", report(at=0, until=1))
        scheduler.lose("a")
    assert not scheduler.ended
