"""Heartbeats of those who run a study: who is alive, who gives way, who has what in hand."""

import json
import math
import os
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from orchestrator import plan
from orchestrator.execution import heartbeat, live_runs, processes
from orchestrator.execution.heartbeat import RunHeartbeat, SessionHeartbeat
from orchestrator.execution.live_runs import LiveRuns
from orchestrator.running import HowToRun, _engine
from studies.errors import UserError
from studies.store import Store

_WITHOUT = b'{"host": "h", "pid": 1, "beat": 1, "joins": false, "claimed": []}'  # when it began


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path), "own")


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only while somebody sleeps, or when a test says so."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def sign(store, name, **changes):
    about = {"host": "elsewhere", "pid": 1, "began": None, "beat": 1, "joins": False, "claimed": []}
    store.heartbeats.write(name, json.dumps(about | changes).encode())


@pytest.fixture
def gone():
    """The identity of a process of this machine that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        identity = processes.of(ended.pid)
    return replace(identity, began=17)


def test_a_run_leaves_a_sign_and_takes_it_away(store):
    with SessionHeartbeat(store, "run"):
        (other,) = LiveRuns(store).alive()
        assert (other.host, other.pid) == (platform.node(), os.getpid())
        with pytest.raises(UserError, match=f"process {os.getpid()} on .*add --join"):
            heartbeat.refuse_second(store)
    assert LiveRuns(store).alive() == []
    heartbeat.refuse_second(store)


def test_a_run_that_starts_is_seen_until_its_session_takes_over(store, monkeypatch):
    monkeypatch.setenv(heartbeat.JOB, "untuned-own-1")

    class Session:
        training = False

    with RunHeartbeat(store, engine="onednn") as run:
        (seen,) = LiveRuns(store).alive()
        assert (seen.starting, seen.settled, seen.engine) == (True, True, "onednn")
        assert str(seen).startswith(f"job untuned-own-1 (process {os.getpid()} on ")
        run.session = Session()
        run._in_turn()
        assert LiveRuns(store).alive()[0].starting
        run.session.training = True
        with SessionHeartbeat(store, run.name):
            run._in_turn()
            (seen,) = LiveRuns(store).alive()
            assert (seen.name, seen.starting, seen.settled) == (run.name, False, True)
        run.session = None  # it has died
        run._in_turn()
        assert LiveRuns(store).alive()[0].starting
    assert store.heartbeats.read_all() == {}


def test_a_second_run_is_refused_unless_it_joins(store):
    with RunHeartbeat(store) as first:
        with pytest.raises(UserError, match="is being run already"), RunHeartbeat(store):
            raise AssertionError
        with RunHeartbeat(store, joins=True) as second:
            assert len(LiveRuns(store).alive()) == 2
        with (
            SessionHeartbeat(store, first.name) as one,
            SessionHeartbeat(store, second.name) as two,
        ):
            one.refresh()
            assert (one.rank, two.rank) == (0, 1)  # by their names, which begin with the time
            assert (one.runs, two.runs) == (2, 2)
            two.claim(["a", "b"])
            two.release(["b"])
            two._beat()
            one.refresh()
            assert one.elsewhere == {"a"}
        one.refresh()
        assert one.elsewhere == frozenset()


def test_of_runs_that_begin_at_once_one_stays_whatever_their_clocks_say(store, monkeypatch):
    monkeypatch.setattr(live_runs, "_MOMENT", 0.0)
    hour = 3600 * 10**9
    clocks = iter([10 * hour, 8 * hour, 12 * hour, 10 * hour, 9 * hour])
    monkeypatch.setattr("time.time_ns", lambda: next(clocks, 13 * hour))
    runs = [RunHeartbeat(store) for _ in range(5)]
    others = threading.Semaphore(0)

    def enter(run):
        try:
            with run:
                for _ in runs[1:]:
                    others.acquire()
                return True
        except UserError:
            others.release()
            return False

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(enter, runs)) == [False] * 4 + [True]
    assert store.heartbeats.read_all() == {}


def test_a_run_gives_way_to_one_that_is_settled_even_if_its_own_clock_is_behind(store, clock):
    run = RunHeartbeat(store)
    later = "1" + "0" * 40
    sign(store, later, settled=True)
    with pytest.raises(UserError, match="is being run already"):
        run._settle()
    sign(store, later, settled=False)
    run._settle()
    assert not run._is_settled  # the other gives way, and this one waits for that
    store.heartbeats.remove(later)
    run._settle()
    assert run._is_settled


def test_alone_a_run_does_not_say_what_it_has_in_hand(store):
    with SessionHeartbeat(store, "run") as alone:
        alone.claim(["a"])
        alone._beat()
        assert LiveRuns(store).alive()[0].claimed == frozenset()


def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(store, gone):
    sign(store, "0-killed", **asdict(gone))
    sign(store, "1-number-given-out-again", **asdict(replace(processes.own(), began=17)))
    assert LiveRuns(store).alive() == []
    assert store.heartbeats.read_all() == {}


def test_a_process_that_nobody_collects_has_ended(store):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = processes.of(child.pid)
        sign(store, "0-run", **asdict(identity))
        assert len(LiveRuns(store).alive()) == 1
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
        assert identity.is_running is False
        assert LiveRuns(store).alive() == []


@pytest.mark.parametrize("name", ["boot", "namespace"])
def test_a_process_of_another_container_or_boot_is_judged_by_its_heartbeat(name, store, clock):
    """Process ids are those of others there, and this host's name may be theirs, too."""
    watch = LiveRuns(store)
    sign(store, "0-theirs", **asdict(processes.own()) | {name: "another"})
    assert len(watch.alive()) == 1
    clock[0] += 16
    assert watch.alive() == []  # although a process of this id runs here
    theirs = asdict(processes.own()) | {name: "another", "pid": 2**22 + 1}
    for beat in range(5):
        sign(store, "1-theirs", **theirs, beat=beat)
        assert len(watch.alive()) == 1  # although none of this id does
        clock[0] += 14


def test_a_process_that_the_system_hides_is_judged_by_its_heartbeat(store, clock, monkeypatch):
    sign(store, "0-hidden", **asdict(processes.own()))
    monkeypatch.setattr(processes, "_stat", lambda pid: [])  # /proc shows only one's own processes
    watch = LiveRuns(store)
    assert len(watch.alive()) == 1
    clock[0] += 16
    assert watch.alive() == []


def test_a_run_of_an_older_version_is_judged_by_its_heartbeat(store, clock):
    sign(store, "0-older", host=platform.node(), pid=2**22 + 1)
    watch = LiveRuns(store)
    assert len(watch.alive()) == 1
    assert watch.certainly() == []
    assert 114 < clock[0] < 118


def test_an_orphan_is_waited_for_and_a_run_with_its_process_is_not(store, gone, clock, monkeypatch):
    """The user's process was killed; its session ends a moment after it has noticed that."""
    about = asdict(processes.own())
    sign(store, "0-orphan", **about, driver=gone.pid, driver_began=gone.began)
    assert LiveRuns(store).alive()[0].orphaned
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds
        if clock[0] > 120:
            store.heartbeats.remove("0-orphan")

    monkeypatch.setattr("time.sleep", sleep)
    heartbeat.refuse_second(store)
    assert slept
    sign(store, "0-run", **about, driver=about["pid"], driver_began=about["began"])
    begun = clock[0]
    with pytest.raises(UserError, match="is being run already"):
        heartbeat.refuse_second(store)
    assert clock[0] < begun + 2


def test_nobody_here_knows_whether_a_run_elsewhere_is_an_orphan(store, gone):
    """A process of that number may have ended on this machine, or never have been."""
    away = {"host": "elsewhere", "boot": "another"}
    about = asdict(processes.own()) | away
    sign(store, "0-far", **about, driver=gone.pid, driver_began=gone.began)
    (far,) = LiveRuns(store).alive()
    assert not far.orphaned


def test_a_run_elsewhere_is_alive_as_long_as_its_sign_changes(store, clock):
    watch = LiveRuns(store)
    sign(store, "0-far", claimed=["a"])
    assert [other.host for other in watch.alive()] == ["elsewhere"]
    clock[0] += 14
    sign(store, "0-far", claimed=["a", "b"], beat=2)
    assert watch.alive()[0].claimed == {"a", "b"}
    clock[0] += 14
    assert len(watch.alive()) == 1
    clock[0] += 2
    assert watch.alive() == []
    assert store.heartbeats.read_all() == {}  # taken away; it would come back if it were only slow


def test_a_run_that_died_elsewhere_is_told_from_one_that_lives(store, clock, monkeypatch):
    sign(store, "0-far")
    heartbeat.refuse_second(store)
    assert store.heartbeats.read_all() == {}

    def sleep(seconds):
        clock[0] += seconds
        sign(store, "0-far", beat=int(clock[0]))

    monkeypatch.setattr("time.sleep", sleep)
    sign(store, "0-far")
    begun = clock[0]
    with pytest.raises(UserError, match="is being run already"):
        heartbeat.refuse_second(store)
    assert clock[0] < begun + 3  # one change is enough


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"[" * 9999, _WITHOUT, b'{"pid": "x"}', b"\xff", b"null", b"7"]
)
def test_a_damaged_sign_is_passed_over(store, content):
    store.heartbeats.write("0-damaged", content)
    assert LiveRuns(store).alive() == []


def test_a_sign_says_what_is_in_training_and_how_fast(store):
    with SessionHeartbeat(store, "run", "onednn") as run:
        run.update(["a", "b"], 0.5)
        run._beat()
        (other,) = LiveRuns(store).alive()
        assert (other.training, other.rate, other.engine) == ({"a", "b"}, 0.5, "onednn")


def test_a_sign_of_an_older_version_says_nothing_of_that_and_a_damaged_one_is_none(store):
    sign(store, "0-older")
    sign(store, "1-damaged", training="ab")
    sign(store, "2-damaged", rate="fast")
    sign(store, "3-damaged", boot=3)
    for number, rate in enumerate((math.nan, math.inf, -1.0, 10**400), start=4):
        sign(store, f"{number}-damaged", rate=rate)
    (other,) = LiveRuns(store).alive()
    assert (other.name, other.training, other.rate) == ("0-older", frozenset(), None)
    assert (other.engine, other.job, other.starting, other.settled) == ("", "", False, True)


def test_a_run_that_joins_takes_the_engine_of_the_one_that_runs(store, tmp_path):
    planned = plan.make([], store)
    auto = HowToRun(options={"join": True})
    with SessionHeartbeat(store, "run", "onednn"):
        assert _engine(auto, planned, store) == "onednn"
        assert _engine(replace(auto, engine="mm"), planned, store) == "mm"


def test_threads_may_write_the_same_file_at_once(store):
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(store.heartbeats.write, "run", b"{}") for _ in range(200)]
    assert [write.result() for write in writes] == [None] * 200  # none raised
    assert list(store.heartbeats.read_all()) == ["run"]


def test_an_earlier_state_never_follows_a_later_one(store, monkeypatch):
    """Two threads write the heartbeat, one of them slowly."""
    written, writing, go_on = [], threading.Event(), threading.Event()

    def write(name, content):
        if not writing.is_set():
            writing.set()
            go_on.wait()
        written.append(json.loads(content)["beat"])

    run = RunHeartbeat(store)
    monkeypatch.setattr(store.heartbeats, "write", write)
    threads = [threading.Thread(target=run._beat) for _ in range(2)]
    threads[0].start()
    writing.wait()
    threads[1].start()
    threads[1].join(0.5)  # it would have written by now
    go_on.set()
    for thread in threads:
        thread.join()
    assert written == [1, 2]
