"""Signs of life of those who run a study: who is alive, who is told, who has what in hand."""

import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from orchestrator import plan
from orchestrator.execution import heartbeat
from orchestrator.execution.heartbeat import Heartbeat, LiveRuns
from orchestrator.running import HowToRun, _engine
from studies.errors import UserError
from studies.store import Store

_WITHOUT = b'{"host": "h", "pid": 1, "beat": 1, "joins": false, "claimed": []}'  # when it began


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path), "own")


def sign(store, name, **changes):
    about = {"host": "elsewhere", "pid": 1, "began": None, "beat": 1, "joins": False, "claimed": []}
    store.heartbeats.write(name, json.dumps(about | changes).encode())


def test_a_run_leaves_a_sign_and_takes_it_away(store):
    with Heartbeat(store):
        (other,) = LiveRuns(store).alive()
        assert (other.host, other.pid) == (platform.node(), os.getpid())
        with pytest.raises(UserError, match=f"process {os.getpid()} on .*add --join"):
            heartbeat.refuse_second(store)
    assert LiveRuns(store).alive() == []
    heartbeat.refuse_second(store)


def test_of_two_that_start_at_once_the_later_is_refused_unless_it_joins(store):
    with Heartbeat(store) as first:
        with (
            pytest.raises(UserError, match="is being run already"),
            Heartbeat(store),
        ):
            raise AssertionError
        with Heartbeat(store, joins=True) as second:
            assert (first.rank, second.rank) == (0, 1)
            second.claim(["a", "b"])
            second.release(["b"])
            second._beat()
            first.refresh()
            assert first.elsewhere == {"a"}
        first.refresh()
        assert first.elsewhere == frozenset()
    assert store.heartbeats.read_all() == {}


def test_a_run_that_others_have_joined_is_not_refused_when_it_goes_on(store):
    with Heartbeat(store) as first:
        pass  # its session died
    with Heartbeat(store, joins=True), Heartbeat(store, first.name) as again:
        assert len(LiveRuns(store).alive()) == 2
        assert again.elsewhere == frozenset()


def test_alone_a_run_does_not_say_what_it_has_in_hand(store):
    with Heartbeat(store) as alone:
        alone.claim(["a"])
        alone._beat()
        assert LiveRuns(store).alive()[0].claimed == frozenset()


def test_a_process_of_this_machine_that_is_gone_is_not_waited_for(store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    sign(store, "0-killed", host=platform.node(), pid=ended.pid, began=17)
    sign(store, "1-number-given-out-again", host=platform.node(), pid=os.getpid(), began=17)
    heartbeat.refuse_second(store)
    assert store.heartbeats.read_all() == {}


def test_a_run_elsewhere_is_alive_as_long_as_its_sign_changes(store, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    watch = LiveRuns(store)
    sign(store, "0-far", claimed=["a"])
    assert [other.host for other in watch.alive()] == ["elsewhere"]
    now[0] += 14
    sign(store, "0-far", claimed=["a", "b"], beat=2)
    assert watch.alive()[0].claimed == {"a", "b"}
    now[0] += 14
    assert len(watch.alive()) == 1
    now[0] += 2
    assert watch.alive() == []
    assert store.heartbeats.read_all() == {}  # taken away; it would come back if it were only slow


def test_a_run_that_died_elsewhere_is_told_from_one_that_lives(store, monkeypatch):
    monkeypatch.setattr(heartbeat, "_PATIENCE", 0.5)
    sign(store, "0-far")
    heartbeat.refuse_second(store)
    assert store.heartbeats.read_all() == {}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"[" * 9999, _WITHOUT, b'{"pid": "x"}', b"\xff", b"null", b"7"]
)
def test_a_damaged_sign_is_passed_over(store, content):
    store.heartbeats.write("0-damaged", content)
    assert LiveRuns(store).alive() == []


def test_a_sign_says_what_is_in_training_and_how_fast(store):
    with Heartbeat(store, engine="onednn") as run:
        run.update(["a", "b"], 0.5)
        run._beat()
        (other,) = LiveRuns(store).alive()
        assert (other.training, other.rate, other.engine) == ({"a", "b"}, 0.5, "onednn")


def test_a_sign_of_an_older_version_says_nothing_of_that_and_a_damaged_one_is_none(store):
    sign(store, "0-older")
    sign(store, "1-damaged", training="ab")
    sign(store, "2-damaged", rate="fast")
    (other,) = LiveRuns(store).alive()
    assert (other.name, other.training, other.rate) == ("0-older", frozenset(), None)
    assert other.engine == ""


def test_a_run_that_joins_takes_the_engine_of_the_one_that_runs(store, tmp_path):
    planned = plan.make([], store)
    auto = HowToRun(options={"join": True})
    with Heartbeat(store, engine="onednn"):
        assert _engine(auto, planned, store) == "onednn"
        assert _engine(replace(auto, engine="mm"), planned, store) == "mm"


def test_threads_may_write_the_same_file_at_once(store):
    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(store.heartbeats.write, "run", b"{}") for _ in range(200)]
    assert [write.result() for write in writes] == [None] * 200  # none raised
    assert list(store.heartbeats.read_all()) == ["run"]
