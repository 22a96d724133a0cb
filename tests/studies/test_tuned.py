"""Tuned fields: which trials on fresh seeds the results on tuning seeds ask for."""

import pytest

from studies import tuned
from studies.errors import UserError
from studies.study import from_mapping

AXES = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "epochs": 1}
RATES = [1e-3, 1e-2, 1e-1]
DENSE = {"method": "dense", "learning_rate": RATES, "tuned": "learning_rate"}


def study(*grids, **values):
    content = {"name": "own", "seeds": "11-12", "tuning_seeds": "seed + 10", "axes": AXES}
    return from_mapping(content | {"grids": list(grids)} | values, where="own.yaml")


def accuracies(given, by_seed_and_rate):
    """What each of the study's tuning trials is recorded with."""
    return {t: by_seed_and_rate[t.seed, t.learning_rate] for t in given.trials()}


def trained(given):
    return [(t.seed, t.learning_rate) for t in given.trials()]


def test_before_the_choice_only_the_tuning_seeds_are_trained():
    given = study(DENSE)
    assert given.is_tuned
    assert trained(given) == [(seed, rate) for rate in RATES for seed in (21, 22)]
    assert {t.seed for t in given.candidates()} == {11, 12, 21, 22}


def test_each_seed_is_trained_at_the_best_rate_of_its_own_tuning_seed():
    given = study(DENSE)
    results = {
        (21, 1e-3): 0.5, (21, 1e-2): 0.9, (21, 1e-1): 0.6,
        (22, 1e-3): 0.5, (22, 1e-2): 0.7, (22, 1e-1): 0.8,
    }  # fmt: skip
    after = tuned.chosen(given, tuned.best(given, accuracies(given, results)))
    assert not after.is_tuned
    assert trained(after) == [*trained(given), (11, 1e-2), (12, 1e-1)]
    assert set(after.trials()) <= set(given.candidates())


def test_common_tuning_seeds_choose_once_by_their_mean():
    given = study(DENSE, tuning_seeds="21-22")
    results = {
        (21, 1e-3): 0.5, (21, 1e-2): 0.9, (21, 1e-1): 0.8,  # means .5, .7, .75
        (22, 1e-3): 0.5, (22, 1e-2): 0.5, (22, 1e-1): 0.7,
    }  # fmt: skip
    after = tuned.chosen(given, tuned.best(given, accuracies(given, results)))
    assert trained(after) == [*trained(given), (11, 1e-1), (12, 1e-1)]


def test_of_equals_the_first_in_the_file_is_chosen():
    given = study(DENSE)
    results = dict.fromkeys(((s, r) for s in (21, 22) for r in RATES), 0.5)
    after = tuned.chosen(given, tuned.best(given, accuracies(given, results)))
    assert trained(after)[6:] == [(11, 1e-3), (12, 1e-3)]


def test_fields_that_are_not_tuned_make_an_arm_each():
    grid = {"method": "edge-popup", "density": [0.3, 0.5], "learning_rate": [1e-3, 1e-2]}
    given = study(grid | {"tuned": ["learning_rate"]}, seeds=[11])
    better = {(0.3, 1e-3): 0.9, (0.3, 1e-2): 0.1, (0.5, 1e-3): 0.2, (0.5, 1e-2): 0.8}
    results = {t: better[t.density, t.learning_rate] for t in given.trials()}
    after = tuned.chosen(given, tuned.best(given, results))
    fresh = [(t.density, t.learning_rate) for t in after.trials() if t.seed == 11]
    assert fresh == [(0.3, 1e-3), (0.5, 1e-2)]
    both = study(grid | {"tuned": ["density", "learning_rate"]}, seeds=[11])
    after = tuned.chosen(both, tuned.best(both, results))
    fresh = [(t.density, t.learning_rate) for t in after.trials() if t.seed == 11]
    assert fresh == [(0.3, 1e-3)]


def test_nothing_is_chosen_while_a_tuning_trial_is_missing():
    given = study(DENSE)
    common = study(DENSE, tuning_seeds="21-22")  # of each rate one of two trials is finished
    for asked, missing in ((given, given.trials()[:1]), (common, common.trials()[::2])):
        results = dict.fromkeys(set(asked.trials()) - set(missing), 0.5)
        with pytest.raises(tuned.NotTunedError):
            tuned.chosen(asked, tuned.best(asked, results))


def test_a_grid_can_have_only_tuning_seeds_only_others_or_some():
    rates = {seeds: {"method": "dense", "learning_rate": rate, "seeds": seeds}
             for rate, seeds in ((1e-3, "tuning"), (1e-2, "fresh"), (1e-1, "12-12"))}  # fmt: skip
    given = study(*rates.values(), {"method": "frozen"})
    seeds = {}
    for trial in given.trials():
        seeds.setdefault((trial.method, trial.learning_rate), []).append(trial.seed)
    assert list(seeds.values()) == [[21, 22], [11, 12], [12], [11, 12, 21, 22]]
    assert not given.is_tuned
    assert tuned.expected(given) is given
    again = from_mapping(given.definition(), where="again")
    assert again.trials() == given.trials()
    assert again.definition_hash == given.definition_hash


def test_as_many_trials_are_expected_as_there_will_be():
    given = study(DENSE, {"network": "linear", "method": "dense", "seeds": "fresh"})
    expected = tuned.expected(given)
    assert len(expected.trials()) == 3 * 2 + 2 + 2
    assert {t.learning_rate for t in expected.trials() if t.seed < 20} == {1e-3}
    assert from_mapping(expected.definition(), where="again").trials() == expected.trials()


def test_more_seeds_have_more_tuning_seeds():
    given = study(DENSE).override(seeds=3)
    assert given.confirmatory_seeds == [11, 12, 13]
    assert given.all_tuning_seeds == [21, 22, 23]
    assert given.tuning_seeds_of(13) == [23]
    shared = study(DENSE, tuning_seeds=[7, 8]).override(seeds="1001-1002")
    assert shared.confirmatory_seeds == [1001, 1002]
    assert shared.tuning_seeds_of(1001) == shared.tuning_seeds_of(1002) == [7, 8]


@pytest.mark.parametrize(
    ("grid", "values", "message"),
    [
        ({"tuned": "rate"}, {}, "grids.0: unknown field 'rate'"),
        ({"tuned": "seed"}, {}, "grids.0: unknown field 'seed'"),
        ({"tuned": []}, {}, "grids.0: tuned: [] names no field"),
        ({"tuned": "density"}, {}, "grids.0: tuned: density has 0 values to choose from"),
        ({"tuned": "epochs"}, {}, "grids.0: tuned: epochs has 1 values to choose from"),
        ({}, {"tuning_seeds": None}, "tuning_seeds: None is neither a list of seeds"),
        ({"seeds": "12-13"}, {}, "seeds and tuned are both given"),
        ({"tuned": None}, {}, "grids.0: unknown field None"),
        ({}, {"combine": "pairwise"}, "tuned does not go with combine: pairwise"),
        ({}, {"tuning_seeds": "seed + 1"}, "tuning_seeds: 12 is among seeds too"),
        ({}, {"tuning_seeds": f"seed + {2**63 - 5}"}, "tuning_seeds: seed: "),
    ],
)
def test_tuned_fields_that_are_refused(grid, values, message):
    with pytest.raises(UserError) as error:
        study(DENSE | grid, **values)
    assert message in str(error.value)
    assert str(error.value).startswith("own.yaml: ")


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("13-14", "grids.0: seeds: 13 is not among the study's seeds; add it there"),
        ([11, 99], "grids.0: seeds: 99 is not among the study's seeds"),
        ("all", "grids.0: seeds: 'all' is neither tuning, nor fresh, nor a range"),
        (2, "grids.0: seeds: 2 is neither tuning, nor fresh, nor a range or a list"),
        ([], "grids.0: seeds: [] is an empty grid"),
    ],
)
def test_seeds_of_a_grid_that_are_refused(seeds, message):
    with pytest.raises(UserError) as error:
        study({"method": "dense", "seeds": seeds})
    assert message in str(error.value)


@pytest.mark.parametrize("grid", [{"seeds": "tuning"}, {"tuned": "learning_rate"}])
def test_tuning_needs_tuning_seeds(grid):
    content = {"name": "own", "seeds": 2, "axes": AXES | {"method": "dense"}}
    content["grids"] = [{"learning_rate": RATES} | grid]
    with pytest.raises(UserError, match=r"needs tuning seeds; add tuning_seeds: seed \+ 1000"):
        from_mapping(content, where="own.yaml")
