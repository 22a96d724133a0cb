"""Runs that are stopped and killed halfway, with real processes: they end as if undisturbed."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests_support import Running, long_study, science_of, trial_rows, untuned, write_study

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
def test_stopped_and_killed_halfway_it_ends_as_if_undisturbed(undisturbed, gate, tmp_path):
    long_study(tmp_path)

    stopped = Running(tmp_path, "--workers", 2)
    stopped.wait_until(lambda: parts(tmp_path) and gate.waiting(), lambda: gate.let_pass(10))
    stopped.process.send_signal(signal.SIGINT)
    let_stop(stopped, gate)
    assert stopped.process.returncode == 130
    said = stopped.errors.read_text()
    after_stop = len(trial_rows(tmp_path, "long"))
    assert 0 < after_stop < 12
    assert f"{after_stop} of 12 trials finished ({after_stop} in this run)" in said
    assert "Continue with: untuned run long.yaml --workers 2" in said
    assert "Traceback" not in said

    before = len(parts(tmp_path))
    killed = Running(tmp_path, "--workers", 2)
    killed.wait_until(lambda: len(parts(tmp_path)) > before, lambda: gate.let_pass(10))
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait()
    assert len(finished(Store(str(tmp_path / "results"), "long")).ids) < 12

    gate.open()
    answer = untuned("run", "long.yaml", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    done = finished(Store(str(tmp_path / "results"), "long"))
    assert (len(done.rows), done.conflicts, done.damaged) == (12, (), ())
    assert science_of(tmp_path, "long") == science_of(undisturbed, "long")


def let_stop(run, gate):
    """Let a run that was told to end do so: it ends between two epochs."""
    while run.process.poll() is None:
        gate.let_pass()
        time.sleep(0.2)


def test_a_killed_worker_goes_on_from_its_checkpoint(gate, tmp_path):
    """One trial; its worker is killed, then the run is stopped; in the end as if undisturbed."""
    path = write_study(tmp_path, "long", seeds=1, epochs=EPOCHS)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "gated"))

    def checkpoints():
        return list((tmp_path / "results/long/_checkpoints").glob("*.safetensors"))

    gate.allow(10)
    run = Running(tmp_path, "--workers", 2, "--checkpoint", 1e-9)  # one after every epoch
    run.wait_until(gate.waiting)
    first = checkpoints()
    assert len(first) == 1
    (worker,) = gate.waiting()
    os.kill(worker, signal.SIGKILL)
    run.wait_until(lambda: gate.waiting() - {worker})  # another worker took it up
    gate.allow(5)
    run.wait_until(lambda: checkpoints() not in ([], first))
    run.process.send_signal(signal.SIGINT)
    let_stop(run, gate)
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


@pytest.mark.cluster
def test_a_run_whose_workers_die_as_they_start_says_what_they_wrote(tmp_path):
    """Ray alone would start one after the other, and say nothing."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'default_worker.py' in ' '.join(sys.orig_argv):\n"
        "    os.write(2, b'ImportError: libown.so.1: cannot open shared object file\\n')\n"
        "    os._exit(1)\n"
    )
    write_study(tmp_path, "long")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    run = Running(tmp_path, environment=os.environ | {"PYTHONPATH": path})
    run.wait_until(lambda: "still waiting for a worker" in run.errors.read_text())
    assert "one wrote: ImportError: libown.so.1: cannot" in run.errors.read_text()
    run.process.send_signal(signal.SIGINT)
    run.process.wait()
    assert run.process.returncode == 130
    assert "Traceback" not in run.errors.read_text()
