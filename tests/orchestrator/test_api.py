"""Studies run from Python: `orchestrator.run`."""

import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests_support import FAILING, install_method, science_of, write_study

import orchestrator
from orchestrator import MissingTrialsError
from studies.errors import UserError
from studies.store import Store
from studies.study import read

SCRIPT = """
import orchestrator

print("the script runs")
results = orchestrator.run("own.yaml", seeds=1, {arguments})
print(len(results.trials), "trials by", sorted(results.trials["method"]))
"""


@pytest.fixture(autouse=True)
def one_thread():
    """A run in this process sets the number of threads; other tests want to see their own."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def run_script(folder, arguments):
    script = folder / "script.py"
    script.write_text(SCRIPT.format(arguments=arguments))
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("how", ["executor='inline'", "workers=1"])
def test_a_script_runs_a_study_and_gets_its_results(how, tmp_path):
    write_study(tmp_path)
    answer = run_script(tmp_path, f"{how}, only={{'method': 'dense'}}")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["the script runs", "1 trials by ['dense']"]
    answer = run_script(tmp_path, how)
    assert answer.stdout.splitlines()[1] == "2 trials by ['dense', 'minimal-flipping']"
    assert "1 of 2 trials to run" in answer.stderr


def test_it_gives_the_same_bits_as_the_command_line(place, tmp_path):
    given = read(write_study(tmp_path))
    results = orchestrator.run(given, results=tmp_path / "results", executor="inline")
    assert science_of(tmp_path) == science_of(place)
    assert set(results.trials["trial_id"]) == {trial.trial_id for trial in given.trials()}


def test_it_runs_in_a_thread_and_ends_when_its_time_is_over(tmp_path):
    path, given = write_study(tmp_path), {"results": tmp_path / "results", "executor": "inline"}
    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(MissingTrialsError, match="time was over before the first trial began"):
            threads.submit(orchestrator.run, path, hours=1e-9, **given).result()
        part = threads.submit(orchestrator.run, path, only={"method": "dense"}, **given).result()
        assert len(part.trials) == 2
        rest = threads.submit(orchestrator.run, path, hours=1e-9, **given).result()
    assert (len(rest.trials), len(rest.plan)) == (2, 2)  # it has not begun


def test_checkpoints_are_kept_as_long_as_another_definition_has_missing_trials(tmp_path):
    """They may be hours of training of a run that was stopped."""
    path = write_study(tmp_path, seeds=1, epochs=1)
    store, whole = Store(str(tmp_path / "results"), "own"), read(path)
    (missing,) = (trial for trial in whole.trials() if trial.method != "dense")
    store.definitions.record(whole)
    store.checkpoints.save(missing.trial_id, b"of a run of the whole study that was stopped")
    how = {"results": tmp_path / "results", "executor": "inline"}
    orchestrator.run(path, only={"method": "dense"}, **how)
    assert store.checkpoints.keys() == {missing.trial_id}
    orchestrator.run(path, **how)
    assert store.checkpoints.keys() == set()


def test_trials_that_fail_are_named(tmp_path, monkeypatch):
    install_method(tmp_path, "failing", FAILING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("dense,", "failing,"))
    answer = run_script(tmp_path, "executor='inline', retries=0")
    assert answer.returncode == 1
    (trial,) = (t for t in read(path).override(seeds=1).trials() if t.method == "failing")
    *_, last, named = answer.stderr.splitlines()
    assert last.startswith(
        "orchestrator.api.MissingTrialsError: own: 1 of 2 trials finished; 1 are"
    )
    assert named.startswith(f"  trial {trial.trial_id} failed; see ")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"executor": "slurm"}, "unknown executor 'slurm'; known: inline, ray"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"seeds": "9-3"}, "9-3: a range begins with its smaller seed"),
        ({"only": {"method": "dens"}}, "did you mean dense?"),
        ({"hours": 0}, "hours: 0.0 is not in the range 0<x<=100000"),
        ({"hours": math.inf}, "hours: inf is not"),
        ({"checkpoint_seconds": math.nan}, "checkpoint_seconds: nan is not a finite number"),
        ({"gpu_fraction": math.nan}, "gpu_fraction: nan is not a finite number"),
        ({"workers": 0}, "workers: 0 is not in the range 1<=x<=1024"),
        ({"workers": True}, "workers: True is not a whole number"),
        ({"workers": "2"}, "workers: '2' is not a whole number"),
        ({"retries": None}, "retries: None is not a whole number"),
        ({"fail_fast": "no"}, "fail_fast: 'no' is not True or False"),
        ({"results": None}, "results: None is neither a text nor a path"),
        ({"results": 5}, "results: 5 is neither a text nor a path"),
        ({"address": ""}, "address: '' is empty; give a value, or leave it out"),
        ({"tensorboard": " "}, "tensorboard: ' ' is empty"),
        ({"hours": 10**400}, "0000 has too many digits"),
        (
            {"workers": -(10**5000)},
            "workers: a number of 1,000 digits or more has too many digits",
        ),
        ({"hours": Fraction(10**400)}, "has too many digits"),
        ({"tf32": np.int64(1)}, "tf32: np.int64(1) is not True or False"),
        ({"workers": np.True_}, "workers: np.True_ is not a whole number"),
        ({"loggers": None}, "loggers: None is neither a text nor a path, nor a list"),
        ({"data": {"digits": "."}}, "data: {'digits': '.'} is neither"),
        ({"data": b"x"}, "data: b'x' is neither a text nor a path, nor a list of them"),
        ({"data": [b"x"]}, "data: b'x' is neither a text nor a path"),
        ({"loggers": b""}, "loggers: b'' is neither a text nor a path, nor a list of them"),
        ({"loggers": bytearray(b"x")}, "loggers: bytearray(b'x') is neither"),
        ({"loggers": range(1)}, "loggers: 0 is neither a text nor a path"),
        ({"shipped": "no"}, "shipped: 'no' is not True or False"),
        ({"shipped": None}, "shipped: None is not True or False"),
        ({"only": ""}, "'': give values by field"),
        ({"change": []}, "[]: give values by field"),
        ({"data": [Path("nowhere")]}, "data folder nowhere: no such folder"),
        ({"only": "method=dense"}, "'method=dense': give values by field, as in {'density': 0.5}"),
        ({"change": {5: 1}}, "unknown field '5'"),
        ({"change": {"batch_size": b"ab"}}, "batch_size: b'ab' is not a whole number"),
        ({"data": "nowhere"}, "data folder nowhere: no such folder"),
        ({"executor": "inline", "workers": 2}, "--workers 2: the executor inline trains in this"),
    ],
)
def test_mistakes_are_errors_of_one_line(given, message, tmp_path):
    path = write_study(tmp_path)
    with pytest.raises(UserError) as refused:
        orchestrator.run(path, **{"results": tmp_path / "results"} | given)
    assert message in str(refused.value)
    assert not Store(str(tmp_path / "results"), "own").definitions.all()
    assert not issubclass(MissingTrialsError, UserError)


@pytest.mark.parametrize("study", [None, b"digits", 3, ["digits"]])
def test_a_study_of_another_kind_is_refused(study, tmp_path):
    with pytest.raises(UserError) as refused:
        orchestrator.run(study, results=tmp_path / "results")
    assert str(refused.value) == (
        f"study: {study!r} is neither the name of a study, nor the path of a study file, nor a "
        "Study"
    )


def test_the_booleans_of_numpy_are_booleans(tmp_path):
    results = orchestrator.run(
        write_study(tmp_path),
        results=tmp_path / "results",
        executor="inline",
        seeds=1,
        epochs=1,
        shipped=np.False_,
    )
    assert results.finished == 2
