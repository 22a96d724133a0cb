"""Whole runs through the command line on a real Ray, with real processes killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests_support import UNTUNED, install_method, science_of, untuned, write_study

import analysis
from studies.results import finished
from studies.store import Store
from studies.study import read
from trainers import datasets, runtime
from trainers.loop import train

TABLES = ("layers", "epochs", "trials")


def trial_rows(folder, study="own"):
    return Store(str(Path(folder) / "results"), study).read("trials").rows


def copy(place, folder):
    shutil.copytree(place, folder, dirs_exist_ok=True)
    return folder


def test_a_study_is_run_whole_and_once(place):
    rows = trial_rows(place)
    assert len(rows) == 4
    assert len(set(rows["trial_id"].to_pylist())) == 4
    assert set(rows["outcome"].to_pylist()) == {"completed"}
    assert set(rows["device"].to_pylist()) == {"cpu"}
    assert set(rows["threads"].to_pylist()) == {1}
    loaded = analysis.load(str(place / "results" / "own"))
    epochs = loaded.epochs.df()
    assert (len(epochs), len(loaded.layers.df())) == (4 * 3, 4 * 3 * 2)
    assert set(rows["engine"].to_pylist()) == {"mlp"}
    parts = epochs.groupby("trial_id")[["train_seconds", "evaluation_seconds"]].sum()
    for row in rows.to_pylist():  # drawing weights and all else belongs to a trial's seconds
        assert row["seconds"] > parts.loc[row["trial_id"]].sum()
    assert not (place / "results" / "own" / "failures").exists()


def test_run_again_it_does_nothing_and_says_so(place):
    before = sorted((place / "results").rglob("*"))
    answer = untuned("run", "own.yaml", cwd=place)
    assert answer.returncode == 0
    assert answer.stdout == "own: nothing to do, all 4 trials are finished\n"
    assert sorted((place / "results").rglob("*")) == before


def test_more_seeds_run_only_the_new_trials(place, tmp_path):
    folder = copy(place, tmp_path)
    before = set(trial_rows(folder)["attempt"].to_pylist())
    answer = untuned("run", "own.yaml", "--seeds", 3, "--workers", 1, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert "6 of 6 trials finished (2 in this run" in answer.stdout
    rows = trial_rows(folder)
    assert len(rows) == 6
    assert before < set(rows["attempt"].to_pylist())
    status = untuned("status", "own", cwd=folder)
    assert "6 of 6 trials finished, 0 failed" in status.stdout


def test_verdicts_in_a_terminal_and_for_programs(place):
    answer = untuned("verdict", "own", "--pairs", cwd=place)
    assert answer.returncode == 0, answer.stderr
    assert "C2 minimal-change: With less than 10%" in answer.stdout
    assert "n = 2 of 2" in answer.stdout
    assert "C6 no-threshold: untuned run thresholds" in answer.stdout  # not tested
    told = json.loads(untuned("verdict", "own", "--json", "--claim", "C2", cwd=place).stdout)
    assert [verdict["method"] for verdict in told["verdicts"]] == ["minimal-flipping"]
    ids = set(trial_rows(place)["trial_id"].to_pylist())
    pairs = told["verdicts"][0]["comparisons"][1]["pairs"]
    assert {pair[side] for pair in pairs for side in ("trial", "partner")} == ids


def test_merged_parts_hold_the_same_and_the_study_stays_finished(place, tmp_path):
    folder = copy(place, tmp_path)
    answer = untuned("compact", "own", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    counts = [int(n) for n in re.findall(r"(\d+) parts, now", answer.stdout)]
    assert counts[:3] == [len(list((place / "results/own" / t).iterdir())) for t in TABLES]
    assert all(len(list((folder / "results/own" / t).iterdir())) == 1 for t in TABLES)
    assert science_of(folder) == science_of(place)
    assert "nothing to do" in untuned("run", "own.yaml", cwd=folder).stdout
    answer = untuned("report", place / "results/own", "results/own", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert "equal (2)" in (folder / "reports" / "own" / "report.html").read_text()


def test_a_damaged_part_is_named_and_its_trials_run_again(place, tmp_path):
    folder = copy(place, tmp_path)
    part = next((folder / "results/own/epochs").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    for command in ("status", "verdict"):
        answer = untuned(command, "own", cwd=folder)
        assert answer.returncode == 0, answer.stderr
        assert f"epochs/{part.name}" in answer.stdout + answer.stderr
    answer = untuned("run", "own.yaml", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert f"damaged part epochs/{part.name} set aside" in answer.stderr
    assert science_of(folder) == science_of(place)
    assert "nothing to do" in untuned("run", "own.yaml", cwd=folder).stdout


@pytest.mark.parametrize("method", ["dense", "minimal-flipping"])
def test_train_equals_the_recorded_rows_to_the_bit(place, method):
    arguments = ["train", "--network", "lenet-16", "--dataset", "digits", "--method", method]
    arguments += ["--weights", "he-constant", "--seed", 2, "--epochs", 2, "--json"]
    answer = untuned(*arguments, cwd=place)
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    epochs = analysis.load(str(place / "results" / "own")).epochs
    recorded = epochs.filter(f"method = '{method}' AND seed = 2").order("epoch").df()
    assert len(lines) == len(recorded) == 3
    for line, (_, row) in zip(lines, recorded.iterrows(), strict=True):
        seconds = line.pop("seconds")
        assert seconds > 0
        assert line == {name: row[name] for name in line}


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


FAILING = """
from trainers.methods import Method

class Failing(Method):
    def rebuild(self, pack, layer):
        raise ZeroDivisionError("bang")

METHOD = Failing()
"""


def test_a_trial_that_fails_is_named_and_costs_the_others_nothing(tmp_path):
    install_method(tmp_path, "failing", FAILING)
    path = write_study(tmp_path, seeds=1)
    path.write_text(path.read_text().replace("dense,", "dense, failing,"))
    answer = untuned("run", "own.yaml", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert answer.returncode == 1
    assert "own: 2 of 3 trials finished; 1 are missing" in answer.stderr
    log = re.search(r"failed, see (\S+)", answer.stderr)[1]
    assert "ZeroDivisionError: bang" in Path(log).read_text()
    assert "Traceback" not in answer.stderr
    status = untuned("status", "own", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert "2 of 3 trials finished, 1 failed" in status.stdout
    assert log in status.stdout


def test_another_data_set_of_the_same_name_is_refused(place, tmp_path):
    # The recorded fingerprint differs from that of the data: as if the data had been exchanged.
    folder = copy(place, tmp_path)
    results = folder / "results"
    store = Store(str(results), "own")
    rows = store.read("trials").rows.drop_columns("part").to_pylist()
    shutil.rmtree(results / "own" / "trials")
    store.write("trials", [row | {"dataset_fingerprint": "0" * 16} for row in rows], "a", 1)
    answer = untuned("run", "own.yaml", "--seeds", 3, cwd=folder)
    assert answer.returncode == 2
    assert "is not the one that the finished trials were trained on" in answer.stderr
    assert answer.stderr.count("\n") == 2  # the line of what was to be run, and the mistake
