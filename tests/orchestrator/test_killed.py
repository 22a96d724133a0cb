"""Runs that are stopped and killed halfway, with real processes: they end as if undisturbed."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests_support import UNTUNED, science_of, trial_rows, untuned, write_study

import analysis
from studies.results import finished
from studies.store import Store
from studies.study import read
from trainers import datasets, runtime
from trainers.loop import train


class Running:
    """A run in the background, in a session of its own so that its processes can be found."""

    def __init__(self, folder, *arguments):
        self.errors = Path(folder) / "errors.txt"
        command = [*UNTUNED, "run", "long.yaml", "--workers", "2", *map(str, arguments)]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(command, cwd=folder, stderr=errors, stdout=errors)

    def wait_until(self, condition, seconds=90):
        until = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.errors.read_text()
            assert time.monotonic() < until, self.errors.read_text()
            time.sleep(0.1)


def workers_of(pid):
    """The Ray workers below a process that are training."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            names[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            parents[int(entry.name)] = int(fields[1])
        except (OSError, ValueError):
            continue
    below, more = {pid}, True
    while more:
        found = {p for p, parent in parents.items() if parent in below} - below
        below, more = below | found, bool(found)
    return [p for p in below if re.match(r"ray::\w*Trainable", names[p])]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A study of some seconds, run undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder, "long", seeds=6, epochs=60)
    answer = untuned("run", "long.yaml", "--workers", 2, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder


def parts(folder):
    return list((folder / "results/long/trials").glob("*.parquet"))


def test_stopped_and_killed_halfway_it_ends_as_if_undisturbed(undisturbed, tmp_path):
    write_study(tmp_path, "long", seeds=6, epochs=60)

    stopped = Running(tmp_path)
    stopped.wait_until(lambda: parts(tmp_path))
    stopped.process.send_signal(signal.SIGINT)
    assert stopped.process.wait(timeout=30) == 130
    said = stopped.errors.read_text()
    after_stop = len(trial_rows(tmp_path, "long"))
    assert 0 < after_stop < 12
    assert f"{after_stop} of 12 trials finished and kept" in said
    assert "go on with: untuned run long.yaml --workers 2" in said
    assert "Traceback" not in said

    before = len(parts(tmp_path))
    killed = Running(tmp_path)
    killed.wait_until(lambda: len(parts(tmp_path)) > before)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert len(finished(Store(str(tmp_path / "results"), "long")).ids) < 12

    answer = untuned("run", "long.yaml", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    done = finished(Store(str(tmp_path / "results"), "long"))
    assert (len(done.rows), done.conflicts, done.damaged) == (12, (), ())
    assert science_of(tmp_path, "long") == science_of(undisturbed, "long")


@pytest.mark.slow
def test_a_killed_worker_costs_no_trial(undisturbed, tmp_path):
    write_study(tmp_path, "long", seeds=6, epochs=60)
    run = Running(tmp_path)
    run.wait_until(lambda: parts(tmp_path))
    victim = workers_of(run.process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    assert run.process.wait(timeout=120) == 0, run.errors.read_text()
    assert science_of(tmp_path, "long") == science_of(undisturbed, "long")


def test_a_killed_worker_goes_on_from_its_checkpoint(tmp_path):
    """One trial of many epochs; killed, then stopped, in the end as if undisturbed."""
    path = write_study(tmp_path, "long", seeds=1, epochs=110)
    path.write_text(path.read_text().replace("dense, ", "").replace("lenet-16", "lenet-300-100"))

    def checkpoints():
        return list((tmp_path / "results/long/_checkpoints").glob("*.safetensors"))

    run = Running(tmp_path, "--checkpoint", 0.3)
    run.wait_until(checkpoints)
    os.kill(workers_of(run.process.pid)[0], signal.SIGKILL)
    first = checkpoints()
    run.wait_until(lambda: checkpoints() not in ([], first))  # another worker took it up
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(timeout=60) == 130, run.errors.read_text()
    assert "Traceback" not in run.errors.read_text()
    assert checkpoints()
    answer = untuned("run", "long.yaml", "--workers", 1, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert checkpoints() == []
    (row,) = trial_rows(tmp_path, "long").to_pylist()
    assert 0 < row["continued_from"] < 110

    (trial,) = read(path).trials()
    digits = datasets.load("digits", datasets.Place("digits", Path()))
    runtime.settle()
    undisturbed = [record.epoch for record in train([trial], digits)]
    recorded = analysis.load(str(tmp_path / "results" / "long")).epochs.order("epoch").df()
    for name in ("train_loss", "validation_accuracy", "test_loss", "changed", "penalty_loss"):
        assert recorded[name].tolist() == [row[name] for row in undisturbed]
