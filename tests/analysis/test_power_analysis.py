"""What a study can decide, told from its plan."""

import math

import numpy as np
import pytest

from analysis import load
from analysis.statistics.power import detectable, joint_power, power
from analysis.verdicts import verdicts
from analysis.verdicts.power_analysis import claim_powers, untestable
from studies.store import Store
from studies.study import from_mapping

AXES = {"network": "lenet-300-100", "dataset": "mnist", "epochs": 1, "weights": "he-normal"}


@pytest.fixture
def planned(tmp_path):
    """The results of a study of these fields that has not begun."""

    def make(seeds=15, margin=0.3, **axes):
        values = {"name": "own", "seeds": seeds, "margin": margin, "axes": AXES | axes}
        Store(str(tmp_path), "own").definitions.record(from_mapping(values, "own"))
        return load(str(tmp_path / "own"))

    return make


def _untestable(planned):
    return untestable(planned, claim_powers(planned))


def of(found, claim):
    return next(one for one in found if one.claim.id == claim)


def test_the_deviation_that_the_planned_seeds_bear_goes_with_the_margin(planned):
    one = of(claim_powers(planned(method=["dense", "free-pruning"])), "C1-common")
    assert (one.cells, one.seeds, one.comparisons) == (1, 15, 1)
    assert one.deviation == pytest.approx(0.003 / detectable(15))
    assert math.isnan(one.seen)
    assert math.isnan(one.power)
    assert one.obstacle == ""
    assert one.exploratory == (
        "a secondary form of the claim",
        "no softmax regression is planned on mnist",
    )


def test_a_bound_that_is_no_margin_is_told_in_deviations(planned):
    one = of(claim_powers(planned(method=["dense", "minimal-pruning"])), "C2")
    assert math.isnan(one.deviation)
    assert one.distance == detectable(15)


def test_a_sweep_counts_its_comparisons(planned):
    results = planned(method=["free-pruning", "edge-popup"], density=[0.0, 0.3, 0.5])
    one = of(claim_powers(results), "C6")
    assert one.comparisons == 2  # 0.0 is that of free-pruning
    assert one.deviation == pytest.approx(0.003 / detectable(15, comparisons=2))


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [({"margin": None}, "the study states no margin"), ({"seeds": 1}, "one seed")],
)
def test_what_stands_in_the_way_is_named(planned, changes, obstacle):
    results = planned(method=["dense", "free-pruning"], **changes)
    assert of(claim_powers(results), "C1-common").obstacle == obstacle


def test_what_a_plan_lacks_for_a_claim_is_named(planned):
    found = {c.id: lack for c, lack in _untestable(planned(method=["free-pruning"])).items()}
    assert found["C1-common"] == "no cell to compare them with, or more than one"
    assert found["C2"] == "no such cells"
    assert found["C5"] == "measured by `make bench`"
    assert found["C10"] == "no such cells"


def test_where_there_are_results_the_power_is_that_at_their_deviation(results, planned):
    seen = next(one for one in claim_powers(results, results) if one.power == one.power)
    assert seen.seen > 0
    assert 0 < seen.power <= 1


def test_a_plan_tests_what_its_trials_will_record(planned, study, record):
    # Live connections are recorded by every training of today; results of older versions have none.
    results = planned(method=["dense", "minimal-pruning"])
    assert "C2-live" in {one.claim.id for one in claim_powers(results)}
    older = load(record(study(margin=0.5, method=["dense", "minimal-pruning"])))
    assert "C2-live" not in {verdict.claim.id for verdict in verdicts(older)}
    powers = claim_powers(results, older)
    assert "C2-live" in {one.claim.id for one in powers}  # not all of its trials are finished
    powers = claim_powers(older, older)
    assert {one.claim.id for one in powers} == {v.claim.id for v in verdicts(older)}
    lacking = untestable(older, powers)
    assert "C2-live" in {claim.id for claim in lacking}


def test_the_joint_power_of_densities_is_that_of_all_of_them(planned, study, record):
    grids = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.5, 0.7, 0.9]}]
    given = {"margin": 0.2, "seeds": 15, "dataset": "mnist", "grids": grids, "method": "dense"}

    def final(trial):
        noise = np.random.default_rng(int(trial.trial_id, 16)).normal()
        return {"test_accuracy": 0.97 + 0.0027 / math.sqrt(2) * noise, "changed": 0.1}

    seen = load(record(study(**given), final))
    one = of(claim_powers(seen, seen), "C6")
    assert one.comparisons == 4
    assert one.power == pytest.approx(joint_power(one.seen, 15, 0.002, 4))
    assert one.power < power(one.seen, 15, 0.002) - 0.05
