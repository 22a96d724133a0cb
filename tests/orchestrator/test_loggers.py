"""Loggers: found, called, and left alone when they fail; each with its tool's own reader."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests_support import UNTUNED, gated_study, interrupt_at, untuned, write_study

import orchestrator
from orchestrator.execution import loggers
from orchestrator.execution.loggers import Destination, Loggers, logged_epoch, tensorboard
from orchestrator.execution.loggers.tensorboard import TensorBoardLogger
from orchestrator.execution.messages import RunOptions, WorkerReport
from studies import components
from studies.errors import UserError
from studies.store import Store
from studies.trial import Trial
from trainers import datasets
from trainers.loop import train

TRIAL = Trial(
    network="lenet-16",
    dataset="digits",
    method="minimal-pruning",
    weights="he-normal",
    seed=1,
    epochs=2,
    penalty=2.0,
)
#: A logger that writes down each call; it fails where a file `fail` says so.
DIARY = """
from pathlib import Path


def logger(destination):
    return Diary(destination.results)


class Diary:
    def __init__(self, folder):
        self._folder = folder

    def __getattr__(self, name):
        def call(*arguments):
            trial, row = (*arguments, None, None)[:2]
            epoch = "" if row is None else row.get("epoch", row.get("outcome"))
            words = [name, trial and f"{trial.method}-{trial.seed}", epoch]
            with (self._folder / "diary").open("a") as diary:
                print(*(str(word) for word in words if word not in (None, "")), file=diary)
            if (self._folder / "fail").exists():
                raise OSError("no ink\\nleft")
        return call
"""


def read_back(folder):
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


@pytest.fixture(scope="module")
def epochs():
    data = datasets.load("digits", datasets.Place("digits", Path()))
    records = list(train([TRIAL], data, "cpu"))
    return [logged_epoch(TRIAL.trial_id, r.epoch, r.layers, r.final) for r in records]


@pytest.fixture
def diary(tmp_path, monkeypatch):
    """Make the logger `diary` importable, as if a package had it; return its lines so far."""
    metadata = tmp_path / "diary-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: diary\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[untuned.loggers]\ndiary = diary\n")
    (tmp_path / "diary.py").write_text(DIARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    components.forget()
    yield lambda: (tmp_path / "results" / "diary").read_text().splitlines()
    sys.modules.pop("diary", None)
    components.forget()


def a_trial(name, last):
    return [f"begin {name}", *(f"epoch {name} {n}" for n in range(last + 1)), f"end {name}"]


def test_an_epoch_has_the_figures_and_the_layers_and_the_end_how_it_ran(epochs):
    first, last = epochs[0], epochs[-1]
    assert first.final is None
    assert [one.epoch["epoch"] for one in epochs] == [0, 1, 2]
    assert {"test_accuracy", "changed/fc1", "changed/fc2", "train_seconds"} <= set(last.epoch)
    assert last.final["outcome"] == "completed"
    assert last.final["test_accuracy"] == last.epoch["test_accuracy"]
    assert not {"test_correct", "layers_parts", "seed", "trial_id"} & set(last.final)


def test_a_report_keeps_them_on_its_way_through_ray_tune(epochs):
    report = WorkerReport(logged=tuple(epochs))
    assert WorkerReport.from_result(asdict(report)) == report


def test_loggers_are_found_by_name_and_an_unknown_one_is_refused(diary):
    assert loggers.names() == ["mlflow", "tensorboard", "diary"]
    loggers.check(["diary"], Destination("own", Path()))
    with pytest.raises(UserError, match=r"logger 'tensorbord'.*did you mean tensorboard"):
        loggers.check(["tensorbord"], Destination("own", Path()))


def test_a_logger_of_another_package_with_a_name_of_ours_is_left_out(diary, tmp_path):
    points = tmp_path / "diary-1.0.dist-info" / "entry_points.txt"
    points.write_text("[untuned.loggers]\ntensorboard = diary\n")
    assert loggers.names() == ["mlflow", "tensorboard"]
    (line,) = components.left_out()
    assert "tensorboard.py is a logger of this name already" in line


def test_a_folder_for_tensorboard_is_a_logger():
    assert RunOptions().all_loggers == ()
    assert RunOptions(tensorboard="x").all_loggers == ("tensorboard",)
    both = RunOptions(loggers=("tensorboard", "mlflow"), tensorboard="x")
    assert both.all_loggers == ("tensorboard", "mlflow")


def test_one_that_fails_is_named_once_and_the_others_go_on(tmp_path, diary, epochs, capsys):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "fail").touch()
    two = Loggers(["diary", "tensorboard"], Destination("own", tmp_path / "results"), [TRIAL])
    two.note(epochs)
    two.close()
    assert diary() == ["begin minimal-pruning-1"]
    message = "untuned: logger diary failed (OSError: no ink); the run goes on without it\n"
    assert capsys.readouterr().err == message
    found = read_back(tmp_path / "results" / "tensorboard" / loggers.trial_name(TRIAL))
    assert len(found.Scalars("accuracy/test")) == 3


def inline(folder, name="own", **more):
    """Run a study here, without Ray."""
    options = {"results": folder / "results", "executor": "inline", "loggers": "diary"}
    return orchestrator.run(folder / f"{name}.yaml", **options | more)


def test_a_run_logs_each_trial_once_and_a_second_one_only_the_new(tmp_path, diary):
    write_study(tmp_path, seeds=1, epochs=2)
    inline(tmp_path)
    names = {"dense-1", "minimal-flipping-1"}
    lines = diary()
    assert lines[-1] == "close"
    for name in names:
        its = [line for line in lines if f" {name}" in line]
        assert its == [*a_trial(name, 2)[:-1], f"end {name} completed"]
    inline(tmp_path)
    assert diary() == lines
    inline(tmp_path, seeds=2)
    new = diary()[len(lines) :]
    assert {line.split()[1] for line in new[:-1]} == {"dense-2", "minimal-flipping-2"}


def test_a_logger_that_fails_loses_no_trial(tmp_path, diary, capsys):
    write_study(tmp_path, seeds=1, epochs=1)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "fail").touch()
    assert inline(tmp_path).finished == 2
    assert capsys.readouterr().err.count("logger diary failed") == 1


def test_what_no_worker_reported_is_taken_from_the_results(tmp_path, diary):
    write_study(tmp_path, seeds=1, epochs=2)
    done = inline(tmp_path, loggers=())
    trials = [trial for study in done.studies for trial in study.trials()]
    one = trials[0]
    log = Loggers(["diary"], Destination("own", tmp_path / "results"), trials)
    log.complete(Store(str(tmp_path / "results"), "own"), [one.trial_id])
    name = f"{one.method}-{one.seed}"
    assert diary() == [*a_trial(name, 2)[:-1], f"end {name} completed"]
    log.complete(Store(str(tmp_path / "results"), "own"), [one.trial_id])
    assert len(diary()) == 5


def test_workers_of_ray_report_to_the_loggers_too(tmp_path, diary):
    write_study(tmp_path, seeds=2, epochs=2)
    answer = untuned("run", "own.yaml", "--workers", 2, "--logger", "diary", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    lines = diary()
    assert lines.count("close") == 1
    for name in ("dense-1", "dense-2", "minimal-flipping-1", "minimal-flipping-2"):
        its = [line for line in lines if line.endswith(name) or f" {name} " in line]
        assert its == [*a_trial(name, 2)[:-1], f"end {name} completed"]


def test_a_trial_that_goes_on_is_logged_again_from_its_start(tmp_path, diary, gate):
    gated_study(tmp_path, seeds=1, epochs=50)
    command = ("run", "own.yaml", "--executor", "inline", "--logger", "diary")
    command = [*UNTUNED, *command, "--checkpoint", "1e-9"]
    gate.allow(4)
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    interrupt_at(gate, run)
    errors = run.communicate()[1]
    assert run.returncode == 130, errors
    first = diary()
    assert first[:2] == ["begin gated-1", "epoch gated-1 0"]
    assert first[-1] == "close"
    assert not any(line.startswith("end") for line in first)
    gate.open()
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    again = diary()[len(first) :]
    assert again == [*a_trial("gated-1", 50)[:-1], "end gated-1 completed", "close"]


# TensorBoard


def noted(folder, epochs):
    log = Loggers(["tensorboard"], Destination("own", None, str(folder)), [TRIAL])
    log.note(epochs)
    return log


def test_each_epoch_is_there_as_soon_as_it_is_over(tmp_path, epochs):
    written = TensorBoardLogger(tmp_path)
    written.begin(TRIAL)
    for count, one in enumerate(epochs, start=1):
        written.epoch(TRIAL, one.epoch)
        found = read_back(tmp_path / loggers.trial_name(TRIAL))
        assert len(found.Scalars("accuracy/test")) == count
    written.end(TRIAL, epochs[-1].final)
    points = [(one.step, one.value) for one in found.Scalars("accuracy/test")]
    assert points == [
        (one.epoch["epoch"], pytest.approx(one.epoch["test_accuracy"])) for one in epochs
    ]
    assert {"loss/train", "changed/all", "changed/fc1", "changed/fc2"} <= set(
        found.Tags()["scalars"]
    )


def test_an_attempt_that_begins_again_takes_the_place_of_the_one_before(tmp_path, epochs):
    noted(tmp_path, epochs[:2]).close()
    noted(tmp_path, [*epochs[:1], *epochs]).close()  # in this run it begins twice
    found = read_back(tmp_path / loggers.trial_name(TRIAL))
    assert [one.step for one in found.Scalars("loss/test")] == [0, 1, 2]


def test_a_folder_says_what_is_not_at_its_default():
    named = "lenet-16,digits,minimal-pruning,he-normal,seed=1,epochs=2,penalty=2.0,"
    assert loggers.trial_name(TRIAL) == named + TRIAL.trial_id


def test_what_cannot_be_written_is_no_trouble_to_the_trial(tmp_path, epochs, capsys):
    (tmp_path / "file").write_text("")
    noted(tmp_path / "file", epochs).close()
    assert capsys.readouterr().err.count("logger tensorboard failed") == 1


def test_without_tensorboard_it_says_what_to_install(tmp_path, monkeypatch):
    tensorboard.check(Destination("own", None, str(tmp_path / "made")))
    tensorboard.check(Destination("own", tmp_path / "results"))
    assert list(tmp_path.iterdir()) == []  # it is made when there is something to write
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: cannot be written to"):
        tensorboard.check(Destination("own", None, str(tmp_path / "file")))
    with pytest.raises(UserError, match="give a folder for the curves with --tensorboard DIR"):
        tensorboard.check(Destination("own", None))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'untuned\[tensorboard\]' brings it"):
        tensorboard.check(Destination("own", tmp_path))


# MLflow


def test_without_mlflow_or_a_place_it_says_what_to_do(tmp_path, monkeypatch):
    from orchestrator.execution.loggers import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match="name a server or a database in MLFLOW_TRACKING_URI"):
        mlflow.check(Destination("own", None))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'untuned\[mlflow\]' brings it"):
        mlflow.check(Destination("own", tmp_path))


#: Runs the study of the folder with MLflow and prints its runs; MLflow warns as it is imported.
MLFLOW = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient("sqlite:///results/mlflow.db")
experiment = client.get_experiment_by_name("own")
rows = []
for run in client.search_runs([experiment.experiment_id], run_view_type=3):
    curve = client.get_metric_history(run.info.run_id, "test_accuracy")
    rows.append({"state": run.info.lifecycle_stage, "status": run.info.status,
                 "params": run.data.params, "tags": run.data.tags, "last": run.data.metrics,
                 "curve": [(point.step, point.value) for point in curve]})
print(json.dumps(rows))
"""


@pytest.mark.slow
def test_mlflow_has_a_run_per_trial_with_its_curves(tmp_path):
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    pytest.importorskip("alembic", reason="MLflow's database needs alembic")
    write_study(tmp_path, seeds=1, epochs=2)
    run = ("run", "own.yaml", "--executor", "inline", "--logger", "mlflow")
    answer = untuned(*run, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "logger" not in answer.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.yaml", "results"]

    def runs():
        command = [sys.executable, "-W", "ignore", "-c", MLFLOW]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return json.loads(told.stdout.splitlines()[-1])

    done = orchestrator.run(tmp_path / "own.yaml", results=tmp_path / "results")
    curves = done.query("SELECT trial_id, epoch, test_accuracy FROM epochs").df()
    first = runs()
    assert len(first) == 2
    for one in first:
        assert (one["state"], one["status"]) == ("active", "FINISHED")
        trial_id = one["tags"]["untuned.trial_id"]
        expected = curves[curves["trial_id"] == trial_id].sort_values("epoch")
        assert one["curve"] == [
            [row.epoch, pytest.approx(row.test_accuracy)] for row in expected.itertuples()
        ]
        assert one["params"]["method"] in ("dense", "minimal-flipping")
        assert one["tags"]["untuned.outcome"] == "completed"
        assert one["last"]["seconds"] > 0
    # Trained again, a trial takes the place of its earlier run.
    forget = ("forget", "own", "--where", "method=dense", "--yes")
    assert untuned(*forget, cwd=tmp_path).returncode == 0
    assert untuned(*run, cwd=tmp_path).returncode == 0
    second = runs()
    assert sorted(one["state"] for one in second) == ["active", "active", "deleted"]
    (deleted,) = (one for one in second if one["state"] == "deleted")
    assert deleted["params"]["method"] == "dense"
