from dataclasses import replace

import pytest

from orchestrator import plan
from studies.errors import UserError
from studies.store import Store
from studies.study import find, from_mapping

AXES = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}


def test_nothing_is_finished_where_there_are_no_results(tmp_path):
    made = plan.make(find("digits"), Store(str(tmp_path), "digits"))
    assert len(made.trials) == len(made.todo) == 50
    assert not list(tmp_path.iterdir())


def test_a_study_with_a_trial_that_cannot_run_is_refused():
    study = from_mapping(
        {"name": "own", "seeds": 1, "axes": AXES | {"method": ["dense", "dens"]}}, "own.yaml"
    )
    with pytest.raises(UserError, match="study own: unknown method 'dens'; did you mean dense"):
        plan.check(study)


def test_settings_are_checked_once_and_not_once_per_seed(monkeypatch):
    seen = []

    def check(trial, _):
        seen.append((trial.method, trial.seed))
        return replace(trial, revisions="dense=2" if trial.method == "dense" else "")

    monkeypatch.setattr(plan.trainers, "check", check)
    axes = AXES | {"method": ["dense", "free-pruning"]}
    study = from_mapping({"name": "own", "seeds": 3, "axes": axes}, "own.yaml")
    trials = plan.check(study)
    assert seen == [("dense", 1), ("free-pruning", 1)]
    assert [(t.seed, t.revisions) for t in trials] == [
        *((seed, "dense=2") for seed in (1, 2, 3)),
        *((seed, "") for seed in (1, 2, 3)),
    ]
