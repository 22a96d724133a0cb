"""The executor without Ray: the same study, in one process or several, to the same bits."""

import os
import re
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from tests_support import (
    FAILING,
    UNTUNED,
    gated_study,
    install_method,
    interrupt_at,
    science_of,
    trial_rows,
    untuned,
    without,
    write_study,
)

from orchestrator.execution.inline_session import InlineSession
from orchestrator.execution.messages import (
    Resources,
    RunOptions,
    SessionResult,
    TrainingBegun,
    WorkerConfig,
)
from orchestrator.execution.resources import on_this_machine
from orchestrator.execution.worker import Worker
from studies.errors import UserError
from studies.store import Store
from studies.store.finished import failed_attempts, finished
from studies.study import read

INLINE = ("--executor", "inline")


def start(folder, *options):
    """A run in this machine's background; its output is on its pipe."""
    command = [*UNTUNED, "run", "own.yaml", *INLINE, *options]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_until(condition, *runs):
    while not condition():
        for run in runs:
            assert run.poll() is None, run.stdout.read()
        time.sleep(0.05)


def test_a_machine_without_ray_trains_a_study_to_the_same_bits(place, tmp_path):
    write_study(tmp_path)
    answer = without(("ray",), tmp_path, ["run", "own.yaml", *INLINE])
    assert answer.returncode == 0, answer.stderr
    assert "own: 4 of 4 trials to run, 1 worker on cpu" in answer.stderr
    assert "own: 4 of 4 trials finished (4 in this run" in answer.stdout
    assert science_of(tmp_path) == science_of(place)
    assert not list((tmp_path / "results/own/_runs").glob("*"))


def test_two_runs_that_join_share_a_study(gate, tmp_path):
    gated_study(tmp_path, seeds=4)
    first = start(tmp_path)
    wait_until(gate.waiting, first)
    refused = untuned("run", "own.yaml", *INLINE, cwd=tmp_path)
    assert refused.returncode == 2
    assert "add --join" in refused.stderr
    second = start(tmp_path, "--join")
    wait_until(lambda: gate.waiting() == {first.pid, second.pid}, first, second)
    gate.open()
    for run, since in ((first, "in this run"), (second, "since it began")):
        output = run.communicate()[0]
        assert run.returncode == 0, output
        assert re.search(rf"4 of 4 trials finished \(\d {since}, ", output), output
    done = finished(Store(str(tmp_path / "results"), "own"))
    assert (len(done.rows), done.conflicts) == (4, ())


def test_a_run_that_is_stopped_goes_on_from_its_checkpoint(gate, tmp_path):
    gated_study(tmp_path, seeds=1, epochs=30)
    gate.allow(10)
    run = start(tmp_path, "--checkpoint", "1e-9")
    interrupt_at(gate, run)
    output = run.communicate()[0]
    assert run.returncode == 130, output
    assert "stopping after the epochs that are running" in output
    assert "own: 0 of 1 trials finished (0 in this run)." in output
    gate.open()
    answer = untuned("run", "own.yaml", *INLINE, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    (row,) = trial_rows(tmp_path).to_pylist()
    assert 10 <= row["continued_from"] < 30


#: Runs the command line with a clock that the test holds: the time of --hours is over once a
#: process waits at the gate, which then opens.
TIME_OVER_AT_THE_GATE = """
import sys, threading, time
from pathlib import Path
from orchestrator.cli import main

gate = Path({gate!r})

class AtTheGate(threading.Thread):
    def __init__(self, seconds, act):
        assert 3_599_000 < seconds <= 3_600_000, seconds  # planning takes what it takes
        super().__init__(target=self.wait, args=(act,), daemon=True)

    def wait(self, act):
        while not list(gate.glob("waiting-*")):
            time.sleep(0.02)
        act()
        (gate / "open").touch()

    def cancel(self):
        pass

threading.Timer = AtTheGate
main(sys.argv[1:])
"""


@pytest.mark.parametrize("how", [INLINE, ("--workers", "1")], ids=["inline", "ray"])
def test_a_run_ends_in_good_order_when_its_time_is_over(how, gate, tmp_path):
    gated_study(tmp_path, seeds=2, epochs=4000)
    gate.allow(3)
    command = ("run", "own.yaml", *how, "--checkpoint", "1e-9")
    script = TIME_OVER_AT_THE_GATE.format(gate=str(gate.folder))
    answer = subprocess.run(
        [sys.executable, "-c", script, *command, "--hours", "1000"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 124, answer.stderr
    assert "the time is over; stopping after the epochs that are running" in answer.stderr
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("own: 0 of 2 trials finished (0 in this run). The time given by --hours")
    assert last.endswith("Continue with: untuned " + " ".join([*command, "--hours", "1000"]))
    store = Store(str(tmp_path / "results"), "own")
    assert len(store.checkpoints.keys()) == 1
    assert not list((tmp_path / "results/own/_runs").glob("*"))


def test_a_time_that_is_over_at_once_trains_nothing(tmp_path):
    write_study(tmp_path)
    answer = untuned("run", "own.yaml", *INLINE, "--hours", "1e-9", cwd=tmp_path)
    assert answer.returncode == 124, answer.stderr
    assert "own: 0 of 4 trials finished (0 in this run). The time given" in answer.stderr


def test_a_part_and_a_variant_of_a_study_are_definitions_of_their_own(tmp_path):
    path = write_study(tmp_path)
    part = ("--only", "method=dense", "--set", "batch_size=50")
    answer = untuned("run", "own.yaml", *INLINE, *part, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "own: 2 of 2 trials finished (2 in this run" in answer.stdout
    rows = trial_rows(tmp_path).to_pylist()
    assert {(row["method"], row["batch_size"]) for row in rows} == {("dense", 50)}
    (recorded,) = Store(str(tmp_path / "results"), "own").definitions.all()
    assert recorded == read(path).override(only={"method": "dense"}, change={"batch_size": 50})
    answer = untuned("run", "own.yaml", *INLINE, "--dry-run", cwd=tmp_path)
    assert "own: 4 of 4 trials would run" in answer.stdout
    answer = untuned("check", "own.yaml", "--no-estimate", *part, cwd=tmp_path)
    assert "own: 0 of 2 trials would run" in answer.stdout


def test_a_trial_that_fails_is_raised_where_a_debugger_sees_it(tmp_path):
    install_method(tmp_path, "failing", FAILING)
    path = write_study(tmp_path, seeds=1)
    path.write_text(path.read_text().replace("dense,", "failing,"))
    run = ("run", "own.yaml", *INLINE)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    answer = untuned(*run, "--fail-fast", cwd=tmp_path, PYTHONPATH=path)
    assert answer.returncode == 1
    assert "ZeroDivisionError: bang; the traceback is in" in answer.stderr
    assert len(failed_attempts(Store(str(tmp_path / "results"), "own"))) == 1
    answer = untuned(*run, cwd=tmp_path, PYTHONPATH=path)
    assert answer.returncode == 1
    assert "own: 1 of 2 trials finished; 1 are missing" in answer.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--workers", "2"], "--workers 2: the executor inline trains in this process alone"),
        (["--address", "auto"], "--address auto: the executor inline trains in this process"),
    ],
)
def test_options_that_contradict_it_are_refused(given, message, tmp_path):
    write_study(tmp_path)
    answer = untuned("run", "own.yaml", *INLINE, *given, cwd=tmp_path)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert not (tmp_path / "results").exists()


def test_it_has_one_worker(monkeypatch):
    monkeypatch.setattr("orchestrator.execution.resources.cores", lambda: 8)
    assert on_this_machine(RunOptions(executor="inline")).workers == 1
    assert on_this_machine(RunOptions()).workers == 8
    with pytest.raises(UserError, match="start several such runs with --join"):
        on_this_machine(RunOptions(executor="inline", workers=3))


@pytest.mark.parametrize("given", [{"gpus": 2}, {"gpu_fraction": 0.5}])
def test_it_has_one_gpu(given, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 4)
    resources = on_this_machine(RunOptions(executor="inline", device="cuda"))
    assert (resources.workers, resources.gpus, resources.gpu_fraction) == (1, 1, 1.0)
    with pytest.raises(UserError, match="the executor inline trains in this process alone"):
        on_this_machine(RunOptions(executor="inline", device="cuda", **given))


def test_a_worker_that_took_nothing_can_be_closed(tmp_path):
    Worker(WorkerConfig(Store(str(tmp_path), "own"), RunOptions(), Resources(1)), None).close()


def session_that(behaves, monkeypatch):
    """An inline session whose work is a function of its messages' receiver."""
    monkeypatch.setattr(
        "orchestrator.execution.inline_session.run_session",
        lambda request, stop, send: behaves(send) or SessionResult(),
    )
    session = InlineSession()
    session.begin(None)
    return session


def test_an_inline_session_is_killed_before_it_trains_and_only_while_it_runs(monkeypatch):
    def swallowed(send):
        with suppress(BaseException):
            session.kill()  # as in a finaliser, whose errors Python ignores
        session.kill()  # the second signal leaves the end to the process
        send(TrainingBegun())
        raise AssertionError

    session = session_that(swallowed, monkeypatch)
    assert session.wait() == SessionResult()
    assert not session.training
    session.kill()  # after its end: nothing is raised where it would hit something else

    session = session_that(lambda send: session.kill(), monkeypatch)
    assert session.wait() == SessionResult()
