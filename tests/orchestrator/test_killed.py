"""Runs that are stopped and killed halfway, with real processes: they end as if undisturbed."""

import os
import signal
from pathlib import Path

import pytest
from tests_support import Running, science_of, trial_rows, untuned, workers_of, write_study

import analysis
from studies.results import finished
from studies.store import Store
from studies.study import read
from trainers import datasets, runtime
from trainers.loop import train


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
    assert f"{after_stop} of 12 trials finished and kept" in said
    assert "go on with: untuned run long.yaml --workers 2" in said
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


def test_a_killed_worker_goes_on_from_its_checkpoint(tmp_path):
    """One trial of many epochs; killed, then stopped, in the end as if undisturbed."""
    path = write_study(tmp_path, "long", seeds=1, epochs=110)
    path.write_text(path.read_text().replace("dense, ", "").replace("lenet-16", "lenet-300-100"))

    def checkpoints():
        return list((tmp_path / "results/long/_checkpoints").glob("*.safetensors"))

    run = Running(tmp_path, "--workers", 2, "--checkpoint", 0.3)
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
