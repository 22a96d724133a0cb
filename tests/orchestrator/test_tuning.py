"""A study with tuned fields: first its tuning seeds are trained, then what they chose."""

import math
import signal
from dataclasses import replace

import pandas as pd
import pytest
from tests_support import train_study, trial_rows, untuned

import analysis
from orchestrator import plan, tuning
from orchestrator.cli import cli
from orchestrator.cli.run import TIMED_OUT, _conclude
from orchestrator.execution.messages import Outcome
from orchestrator.running import Ended, _note_definitions
from studies import tuned
from studies.errors import UserError
from studies.store import Store
from studies.study import read

STUDY = """\
seeds: 11-12
tuning_seeds: seed + 10
axes: {network: lenet-16, dataset: digits, epochs: 1, weights: he-normal}
grids:
  - {network: linear, method: dense, seeds: fresh}
  - {method: dense, learning_rate: [1e-5, 1e-2], tuned: learning_rate}
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The folder of a study whose tuning seeds are finished, and its store."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(STUDY)
    store, trials = train_study(tmp_path, masks=False, write=False)
    assert [(t.seed, t.network) for t in trials[:2]] == [(11, "linear"), (12, "linear")]
    return tmp_path, store


def run(capsys, *arguments):
    assert not cli.main(list(arguments), standalone_mode=False)
    return capsys.readouterr().out


def test_what_the_tuning_seeds_choose_is_trained_next(trained):
    folder, store = trained
    given = read(folder / "own.yaml")
    now = tuning.resolved(given, store)
    todo = plan.make([now], store).todo
    # 1e-5 moves nothing in an epoch of 51 steps.
    assert [(t.seed, t.method, t.learning_rate) for t in todo] == [
        (11, "dense", 1e-2),
        (12, "dense", 1e-2),
    ]
    more = given.override(seeds=3)
    assert tuning.resolved(more, store) == more  # seed 23 is not tuned yet
    assert {t.seed for t in plan.make([more], store).todo} == {13, 23}


def test_a_training_without_an_accuracy_is_not_chosen():
    assert [tuning._number(given) for given in (None, math.nan, 0.5)] == [0.0, 0.0, 0.5]


def test_trials_with_a_revision_choose_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rates = "learning_rate: [1e-5, 1e-2], tuned: learning_rate"
    text = STUDY[: STUDY.index("grids:")] + (
        f"grids: [{{method: lottery-ticket, density: 0.8, {rates}}}]"
    )
    (tmp_path / "own.yaml").write_text(text)
    store, trials = train_study(tmp_path, masks=False, write=False)
    assert {trial.revisions for trial in trials} == {"lottery-ticket=2"}
    now = plan.make([tuning.resolved(read(tmp_path / "own.yaml"), store)], store)
    assert [(t.seed, t.learning_rate) for t in now.todo] == [(11, 1e-2), (12, 1e-2)]


def test_a_dry_run_tells_what_will_follow(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(STUDY)
    out = run(capsys, "run", "own.yaml", "--dry-run")
    assert "own: 6 of 6 trials would run; nothing started" in out
    assert "then up to 2 on fresh seeds, at the values that the tuning seeds choose" in out
    assert "estimate: " in out
    out = run(capsys, "check", "own.yaml", "--no-estimate")
    assert "then up to 2 on fresh seeds" in out


def test_status_and_the_dry_run_show_the_second_step(trained, capsys):
    out = run(capsys, "status", "own")
    assert "own: 6 of 6 trials finished, 0 failed" in out
    assert "the tuning seeds are finished; run the chosen values with: untuned run" in out
    out = run(capsys, "run", "own.yaml", "--dry-run")
    assert "own: 2 of 8 trials would run; nothing started" in out
    assert "then" not in out


def test_a_choice_among_values_that_were_named_first_was_planned_first(trained):
    folder, store = trained
    given = read(folder / "own.yaml")
    store.definitions.record(tuning.resolved(given, store))
    results = analysis.load(store.uri)
    chosen = results.plan[results.plan["network"] == "lenet-16"]
    chosen = chosen.assign(first=chosen["committed"] & 1 == 1)  # by the first of two definitions
    expected = pd.DataFrame({"seed": [11, 12], "learning_rate": [1e-2, 1e-2]})
    assert (chosen["committed"] & 1).all()  # bit 0 stands for the definition that came first
    pd.testing.assert_frame_equal(chosen[list(expected)].reset_index(drop=True), expected)
    assert set(results.tuning["seed"]) == {21, 22}
    assert len(tuned.expected(given).trials()) == 8


def test_one_run_trains_the_tuning_seeds_and_then_what_they_chose(tmp_path):
    (tmp_path / "own.yaml").write_text(STUDY.replace("seeds: 11-12", "seeds: 11-11"))
    answer = untuned("run", "own.yaml", "--workers", 1, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    first, chosen, second, report = answer.stdout.splitlines()
    assert first.startswith("own: 3 of 3 trials finished (3 in this run")
    assert chosen == "the tuning seeds are finished; the chosen values now run on the fresh seeds"
    assert second.startswith("own: 4 of 4 trials finished (1 in this run")
    assert report == "write a report with: untuned report own"
    rows = trial_rows(tmp_path).to_pylist()
    fresh = [
        row["learning_rate"] for row in rows if row["seed"] == 11 and row["network"] != "linear"
    ]
    assert fresh == [1e-2]
    answer = untuned("run", "own.yaml", cwd=tmp_path)
    assert answer.stdout == "own: nothing to do, all 4 trials are finished\n"


def test_a_signal_at_the_end_of_the_tuning_seeds_ends_the_run(capsys, tmp_path):
    (tmp_path / "own.yaml").write_text(STUDY)
    study, store = read(tmp_path / "own.yaml"), Store(str(tmp_path), "own")
    outcome = Outcome(0, 6, 6, {}, None, "", signal.SIGINT, "")
    ended = Ended(study, store, outcome, 6)
    timed_out = replace(outcome, interrupted=0, timed_out=True)
    for stopped, code in ((ended, 130), (replace(ended, outcome=timed_out), TIMED_OUT)):
        assert _conclude(stopped, "results") == code
        assert "the tuning seeds are finished; continue with: untuned" in capsys.readouterr().err
    assert _conclude(replace(ended, outcome=replace(outcome, interrupted=0)), "results") == 0


def test_an_extended_study_has_no_other_definitions(trained, capsys):
    folder, store = trained
    given = read(folder / "own.yaml")
    store.definitions.record(tuning.resolved(given, store))
    more = given.override(seeds=3)
    _note_definitions(tuning.resolved(more, store), store)
    assert capsys.readouterr().err == ""


def test_epochs_that_are_tuned_cannot_be_overridden(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        STUDY.replace(
            "learning_rate: [1e-5, 1e-2], tuned: learning_rate", "epochs: [1, 2], tuned: epochs"
        )
    )
    with pytest.raises(UserError, match="epochs: the study own tunes it; leave it out"):
        read(path).override(epochs=3)
