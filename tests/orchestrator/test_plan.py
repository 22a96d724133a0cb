import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import plan
from studies.errors import UserError
from studies.store import Store
from studies.study import find, from_mapping
from studies.trial import Trial

AXES = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}


def trials(n, dataset="digits", **values):
    about = AXES | {"dataset": dataset, "method": "dense"} | values
    return [Trial(**about, seed=seed) for seed in range(n)]


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


@given(n=st.integers(0, 200), m=st.integers(0, 50), workers=st.integers(1, 16))
def test_packs_hold_each_trial_once_and_one_data_set_each(n, m, workers):
    todo = [t for pair in zip(trials(n), trials(n), strict=True) for t in pair[:1]]
    todo += trials(m, dataset="mnist")
    packs = plan.packs(todo, workers)
    assert sorted(t.trial_id for pack in packs for t in pack) == sorted(t.trial_id for t in todo)
    assert all(len({t.dataset for t in pack}) == 1 for pack in packs)
    assert all(1 <= len(pack) <= 16 for pack in packs)


def test_packs_are_small_enough_for_all_workers_to_end_together():
    assert [len(pack) for pack in plan.packs(trials(3), 2)] == [1, 1, 1]
    assert [len(pack) for pack in plan.packs(trials(50), 2)] == [6] * 8 + [2]
    assert {len(pack) for pack in plan.packs(trials(1600), 2)} == {16}


def test_on_a_cpu_one_after_another_on_a_gpu_what_has_the_same_steps():
    pack = [
        *trials(2),
        *trials(1, method="free-pruning"),
        *trials(1, weights="he-constant", positive_fraction=0.2),
        *trials(1, learning_rate=3e-3),
    ]
    assert plan.lock_step(pack, "cpu") == [[trial] for trial in pack]
    groups = plan.lock_step(pack, "cuda")
    assert sorted(len(group) for group in groups) == [1, 1, 3]
    assert all(len({plan.pack_key(t) for t in group}) == 1 for group in groups)
