from dataclasses import replace

import pytest

from orchestrator import plan
from studies.errors import UserError
from studies.store import Store
from studies.study import find, from_mapping
from studies.trial import FIELDS, Trial

AXES = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}


def test_nothing_is_finished_where_there_are_no_results(tmp_path):
    made = plan.make([find("digits")], Store(str(tmp_path), "digits"))
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


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in ("seed", "revisions")])
def test_a_trial_that_differs_in_a_field_is_checked_by_itself(name, monkeypatch):
    seen = []
    monkeypatch.setattr(plan.trainers, "check", lambda trial, _: seen.append(trial) or trial)
    study = from_mapping({"name": "own", "seeds": 2, "axes": AXES | {"method": "dense"}}, "own")
    trials = study.trials()
    another: object = {str: "another", int: 7, float: 0.25, bool: True}[FIELDS[name].type]
    trials += [Trial.of_checked(trial.values() | {name: another}) for trial in trials]
    plan.check(study, trials)
    assert seen == [trials[0], trials[2]]


def definition(name="own", **fields):
    axes = AXES | {"method": ["dense", "free-pruning"]}
    return from_mapping({"name": name, "seeds": 2, "axes": axes} | fields, "own.yaml")


def test_of_what_is_asked_for_that_remains_which_is_not_recorded():
    trials = plan.check(definition())
    ids = [trial.trial_id for trial in trials]
    assert plan.remaining(trials, {}, {}, {}) == trials
    assert plan.remaining(trials, {ids[0], ids[2]}, {}, {}) == [trials[1], trials[3]]
    assert plan.remaining(trials, ids, {}, {}) == []


def test_a_trial_without_the_masks_that_are_asked_for_remains():
    trials = plan.check(definition())
    ids = [trial.trial_id for trial in trials]
    assert plan.remaining(trials, ids, {ids[0]}, set(ids[:2])) == [trials[1]]
    assert plan.remaining(trials, ids[1:], {ids[0]}, set()) == [trials[0]]


def test_several_definitions_ask_for_each_trial_once_and_for_masks_where_one_of_them_does():
    longer = definition(seeds=3, keep_masks=True)
    asked = plan.demand([definition(), longer])
    assert len(asked.trials) == 6
    assert asked.need_masks == {trial.trial_id for trial in longer.trials()}
    assert plan.demand([definition()]).need_masks == frozenset()


def test_masks_are_asked_for_of_the_trials_with_their_revisions():
    axes = AXES | {"method": "lottery-ticket", "density": 0.5}  # has a revision
    asked = plan.demand([definition(axes=axes, keep_masks=True)])
    assert {trial.revisions for trial in asked.trials} == {"lottery-ticket=2"}
    assert asked.need_masks == {trial.trial_id for trial in asked.trials}


def test_all_cells_of_a_seed_come_before_the_next_seed():
    about = {"network": "lenet-3", "dataset": "digits", "epochs": 1}
    methods, weights = ("dense", "free-pruning"), ("he-normal", "he-constant")
    trials = [
        Trial(**about, method=method, weights=family, seed=seed)
        for family in weights
        for method in methods
        for seed in (3, 1, 2)
    ]
    order = [(t.seed, t.weights, t.method) for t in plan.by_seed(trials)]
    assert order == [
        (seed, family, method)
        for seed in (1, 2, 3)
        for family in ("he-constant", "he-normal")
        for method in methods
    ]
