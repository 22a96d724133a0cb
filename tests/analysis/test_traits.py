"""Methods are judged by their recorded traits, whatever their names are."""

from pathlib import Path

import pytest

import analysis
from analysis.verdicts import verdicts
from analysis.verdicts.claims import CLAIMS
from studies.traits import TRAITS, MethodTraits

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
DENSITIES = [0.3, 0.5, 0.7]
#: A method of a user's own that trains scores and puts the threshold where a density says.
SCORES = {
    "needs_density": True,
    "random_mask": False,
    "trains_weights": False,
    "by_mask": True,
    "flips": False,
    "sets_kept_share": True,
}
OWN = "top-scores"


def judged(loaded):
    """The claims that judge the user's own method."""
    return {v.claim.id: v for v in verdicts(loaded, CLAIMS) if v.method == OWN}


@pytest.fixture
def loaded(study, record):
    """Results of free pruning and flipping beside a user's own method with these traits."""

    def load(traits, only=lambda trial: True):
        grids = [
            {"method": ["free-pruning", "free-flipping"]},
            {"method": OWN, "density": DENSITIES},
        ]

        def final(trial):
            accuracy = 0.9 + 0.0001 * trial.seed * (trial.method == OWN)
            own = {"row": traits} if trial.method == OWN else {}
            return {"test_accuracy": accuracy, "changed": 0.3, **own}

        asked = study(margin=0.5, dataset="cifar10", grids=grids, method="dense")
        return analysis.load(record(asked, final, only))

    return load


def test_one_that_trains_scores_under_a_density_has_a_threshold(loaded):
    own = judged(loaded(SCORES))
    assert own.keys() == {"C6"}
    assert own["C6"].conclusion == "suggests"
    assert [dict(one.at) for one in own["C6"].comparisons] == [{"density": d} for d in DENSITIES]


def test_one_that_flips_is_compared_with_free_flipping(loaded):
    own = judged(loaded(SCORES | {"flips": True}))
    assert own.keys() == {"C6-flipping"}
    assert own["C6-flipping"].conclusion == "suggests"


def test_one_that_trains_weights_has_no_threshold_among_scores(loaded):
    assert judged(loaded(SCORES | {"trains_weights": True})).keys() == {"C6-trained-weights"}


@pytest.mark.parametrize("random", [True, False])
def test_answers_under_random_masks_come_with_a_caution(loaded, random):
    words = "answers per image are those of the first of several random masks"
    (verdict,) = judged(loaded(SCORES | {"random_mask": random})).values()
    assert (words in verdict.flags) == random


def test_trials_that_are_planned_have_the_traits_of_those_that_are_finished(loaded):
    results = loaded(SCORES | {"flips": True}, only=lambda trial: trial.seed == 1)
    own = results.plan[results.plan["method"] == OWN]
    assert len(own) == 9
    assert own[list(TRAITS)].drop_duplicates().to_dict("records") == [SCORES | {"flips": True}]
    assert results.traits(OWN) == MethodTraits(**SCORES | {"flips": True})
    assert results.traits("edge-popup") == MethodTraits(**SCORES)  # in none of the tables
    verdict = judged(results)["C6-flipping"]
    assert (verdict.n, verdict.planned) == (1, 3)


@pytest.mark.parametrize("table", ["trials", "plan", "tuning", "tuning_plan"])
def test_every_row_has_them_as_true_or_false(loaded, table):
    rows = getattr(loaded(SCORES), table)
    assert [rows[name].dtype for name in TRAITS] == ["bool"] * 6
    pruning = rows[rows["method"] == "free-pruning"]  # recorded here without any traits
    assert not pruning["flips"].any()
    assert pruning["by_mask"].all()


def test_results_of_version_0_1_0_have_the_traits_of_their_methods():
    results = analysis.load(str(RECORDED))
    trials = results.trials.set_index("method")
    assert len(trials) == 9
    expected = {
        "dense": (False, True, False),
        "free-pruning": (False, False, False),
        "free-flipping": (False, False, True),
        "edge-popup": (True, False, False),
    }
    for method, traits in expected.items():
        rows = trials.loc[[method], ["needs_density", "trains_weights", "flips"]]
        assert set(rows.itertuples(index=False, name=None)) == {traits}
    judged_methods = {(v.claim.id, v.method) for v in verdicts(results, CLAIMS)}
    assert judged_methods == {
        ("C1-same-weights", "free-flipping"),
        ("C1-same-weights", "free-pruning"),
        ("C5-time", "free-flipping"),
        ("C5-time", "free-pruning"),
        ("C5-time", "minimal-pruning"),
        ("C6", "edge-popup"),
        ("C6-trained-weights", "snip"),
        ("C9", "free-flipping"),
        ("C11", "preferred free method"),
    }
