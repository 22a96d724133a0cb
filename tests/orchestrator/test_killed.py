"""Runs that are stopped and killed halfway, with real processes: they end as if undisturbed."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests_support import (
    Running,
    install_method,
    science_of,
    trial_rows,
    untuned,
    write_study,
)

import analysis
from studies.store import Store
from studies.store.finished import finished
from studies.study import read
from trainers import datasets, runtime
from trainers.loop import train

#: Far more than pass while a run that is told to stop does so.
EPOCHS = 400


def parts(folder):
    return list((folder / "results/long/trials").glob("*.parquet"))


@pytest.mark.cluster
def test_stopped_and_killed_halfway_it_ends_as_if_undisturbed(undisturbed, tmp_path):
    write_study(tmp_path, "long", seeds=6, epochs=60)

    stopped = Running(tmp_path, "--workers", 2)
    stopped.wait_until(lambda: parts(tmp_path))
    stopped.process.send_signal(signal.SIGINT)
    assert stopped.process.wait(timeout=30) == 130
    said = stopped.errors.read_text()
    after_stop = len(trial_rows(tmp_path, "long"))
    assert 0 < after_stop < 12
    assert f"{after_stop} of 12 trials finished ({after_stop} in this run)" in said
    assert "Continue with: untuned run long.yaml --workers 2" in said
    assert "Traceback" not in said

    before = len(parts(tmp_path))
    killed = Running(tmp_path, "--workers", 2)
    killed.wait_until(lambda: len(parts(tmp_path)) > before)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert len(finished(Store(str(tmp_path / "results"), "long")).ids) < 12

    answer = untuned("run", "long.yaml", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    done = finished(Store(str(tmp_path / "results"), "long"))
    assert (len(done.rows), done.conflicts, done.damaged) == (12, (), ())
    assert science_of(tmp_path, "long") == science_of(undisturbed, "long")


GATED = """
import os
import time
from pathlib import Path

from trainers.methods.minimal_flipping import MinimalFlipping

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset", "penalty")
GATE = Path({gate!r})


class Gated(MinimalFlipping):
    \"""Minimal flipping that asks for leave before each epoch is recorded.\"""

    def penalty(self, pack):
        while not (GATE / "open").exists():
            for leave in sorted(GATE.glob("leave-*")):
                leave.unlink()
                return super().penalty(pack)
            (GATE / f"waiting-{{os.getpid()}}").touch()
            time.sleep(0.02)
        return super().penalty(pack)


METHOD = Gated()
"""


class Gate:
    """Holds a training in another process until the test lets it go on, epoch by epoch.

    So what a test does to a running trial never depends on how fast the machine is.
    """

    def __init__(self, folder):
        self.folder = folder / "gate"
        self.folder.mkdir()
        self._given = 0

    def allow(self, epochs):
        """Let so many epochs pass, epoch 0 among them."""
        for _ in range(epochs):
            self._given += 1
            (self.folder / f"leave-{self._given:05d}").touch()

    def waiting(self):
        """The processes that have met the gate closed."""
        return {int(path.name.partition("-")[2]) for path in self.folder.glob("waiting-*")}

    def open(self):
        """Let everything pass from now on."""
        (self.folder / "open").touch()


def test_a_killed_worker_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    """One trial; its worker is killed, then the run is stopped; in the end as if undisturbed."""
    gate = Gate(tmp_path)
    install_method(tmp_path, "gated", GATED.format(gate=str(gate.folder)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    path = write_study(tmp_path, "long", seeds=1, epochs=EPOCHS)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "gated"))

    def checkpoints():
        return list((tmp_path / "results/long/_checkpoints").glob("*.safetensors"))

    run = Running(tmp_path, "--workers", 2, "--checkpoint", 1e-9)  # one after every epoch
    gate.allow(10)
    run.wait_until(gate.waiting)
    first = checkpoints()
    assert len(first) == 1
    (worker,) = gate.waiting()
    os.kill(worker, signal.SIGKILL)
    run.wait_until(lambda: gate.waiting() - {worker})  # another worker took it up
    gate.allow(5)
    run.wait_until(lambda: checkpoints() not in ([], first))
    run.process.send_signal(signal.SIGINT)
    while run.process.poll() is None:  # it stops between two epochs
        gate.allow(1)
        time.sleep(0.2)
    assert run.process.returncode == 130, run.errors.read_text()
    assert "Traceback" not in run.errors.read_text()
    assert checkpoints()
    gate.open()
    answer = untuned("run", "long.yaml", "--workers", 1, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert checkpoints() == []
    (row,) = trial_rows(tmp_path, "long").to_pylist()
    assert 10 <= row["continued_from"] < EPOCHS

    (trial,) = read(path).trials()
    digits = datasets.load("digits", datasets.Place("digits", Path()))
    runtime.settle()
    same = replace(trial, method="minimal-flipping")
    undisturbed = [record.epoch for record in train([same], digits)]
    recorded = analysis.load(str(tmp_path / "results" / "long")).epochs.order("epoch").df()
    for name in ("train_loss", "validation_accuracy", "test_loss", "changed", "penalty_loss"):
        assert recorded[name].tolist() == [row[name] for row in undisturbed]
