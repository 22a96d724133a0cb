"""What a study can decide, told from its plan."""

import math

import pytest

from analysis import load
from analysis.statistics.power import detectable
from analysis.verdicts.power_analysis import lacking, prospects
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


def of(found, claim):
    return next(one for one in found if one.claim.id == claim)


def test_the_deviation_that_the_planned_seeds_bear_goes_with_the_margin(planned):
    one = of(prospects(planned(method=["dense", "free-pruning"])), "C1")
    assert (one.cells, one.seeds, one.comparisons) == (1, 15, 1)
    assert one.deviation == pytest.approx(0.003 / detectable(15))
    assert math.isnan(one.seen)
    assert math.isnan(one.power)
    assert (one.obstacle, one.exploratory) == ("", ())


def test_a_bound_that_is_no_margin_is_told_in_deviations(planned):
    one = of(prospects(planned(method=["dense", "minimal-pruning"])), "C2")
    assert math.isnan(one.deviation)
    assert one.distance == detectable(15)


def test_a_sweep_counts_its_comparisons(planned):
    results = planned(method=["free-pruning", "edge-popup"], density=[0.0, 0.3, 0.5])
    assert of(prospects(results), "C6").comparisons == 2  # 0.0 is that of free-pruning


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [({"margin": None}, "the study states no margin"), ({"seeds": 1}, "one seed")],
)
def test_what_stands_in_the_way_is_named(planned, changes, obstacle):
    results = planned(method=["dense", "free-pruning"], **changes)
    assert of(prospects(results), "C1").obstacle == obstacle


def test_what_a_plan_lacks_for_a_claim_is_named(planned):
    found = {c.id: lack for c, lack in lacking(planned(method=["free-pruning"])).items()}
    assert found["C1"] == "no cells to compare them with"
    assert found["C2"] == "no such cells"
    assert found["C5"] == "measured by `make bench`"
    assert found["C10"] == "no such cells"


def test_where_there_are_results_the_power_is_that_at_their_deviation(results, planned):
    seen = next(one for one in prospects(results, results) if one.power == one.power)
    assert seen.seen > 0
    assert 0 < seen.power <= 1
