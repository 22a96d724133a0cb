"""The fields in which cells differ, and the panels that they make."""

import pytest

import analysis
from analysis import figures
from analysis.cells import methods_in, panel_fields, tuned_fields, varying
from analysis.drawing.arms import floor
from analysis.estimates.summary import summary
from analysis.report.wording import subject
from studies import tuned
from studies.store import Store

RATES = [1e-3, 1e-2]
LINEAR = {"network": "linear", "method": "dense", "seeds": "fresh"}


@pytest.fixture
def chosen(study, record, tmp_path):
    """A study of which each fresh seed is trained at the rate that its tuning seed chose."""

    def make(*grids):
        tuned_grids = [
            {"method": ["dense", "free-pruning"], "learning_rate": RATES, "tuned": "learning_rate"},
            LINEAR,
            *grids,
        ]
        asked = study(seeds=2, tuning_seeds=[101, 102], grids=tuned_grids)
        resolved = tuned.chosen(
            asked, lambda candidates, seed: (seed + (candidates[0]["method"] == "dense")) % 2
        )
        Store(str(tmp_path / "results"), asked.name).definitions.record(asked)
        return analysis.load(record(resolved))

    return make


def test_what_tuning_seeds_choose_makes_no_cells(chosen):
    results = chosen()
    assert set(results.trials["learning_rate"]) == set(RATES)
    assert tuned_fields(results) == ("learning_rate",)
    assert varying(results) == ["network", "method"]
    assert subject(results).endswith("compared: network, method; tuned: learning rate")
    (panel,) = figures.summarise("final_accuracy", results).panels
    assert [mark.n for side in panel.sides for mark in side.marks] == [2, 2]


def test_arms_are_paired_at_the_rates_that_were_chosen_for_them(chosen):
    results = chosen()
    rates = results.trials.pivot(
        index="seed", columns=["method", "network"], values="learning_rate"
    )
    assert (rates["dense", "lenet-300-100"] != rates["free-pruning", "lenet-300-100"]).all()
    assert "(2)." in figures.summarise("performance_profile", results).note
    ((_, (arm,)),) = figures.summarise("accuracy_by_changed", results).panels
    assert (arm.method, [mark.n for mark in arm.accuracy]) == ("free-pruning", [2])
    (row,) = summary(results).query("method == 'free-pruning'").to_dict("records")
    assert row["pairs"] == 2


def test_values_that_were_not_chosen_are_compared_on_the_tuning_seeds(chosen):
    summary = figures.summarise("hidden_threshold", chosen())
    assert "Fields that are tuned: on the tuning seeds." in summary.note
    (one,) = summary.maps
    assert (one.columns, one.rows) == (("0.001", "0.01"), ("free-pruning",))


def test_a_rate_that_is_trained_beside_the_chosen_one_is_compared(chosen):
    results = chosen({"method": "free-pruning", "learning_rate": RATES, "seeds": "fresh"})
    assert tuned_fields(results) == ()
    assert "learning_rate" in panel_fields(results)


def test_fields_of_panels_and_methods_in_order(study, record):
    grids = [{"method": "free-pruning"}, {"method": "dense"}]
    results = analysis.load(record(study(weights=["he-normal", "he-constant"], grids=grids)))
    assert panel_fields(results) == ["weights"]
    assert panel_fields(results, without=["weights"]) == []
    assert methods_in(results, results.trials) == ["dense", "free-pruning"]
    assert methods_in(results, results.trials[:1]) == ["free-pruning"]


def test_the_floor_has_a_sentence_and_no_panel(study, record):
    def final(trial):
        return {"test_accuracy": 0.92 if trial.network == "linear" else 0.97, "changed": 0.1}

    grids = [{"method": ["dense", "free-pruning"]}, {"network": "linear", "method": "dense"}]
    results = analysis.load(record(study(grids=grids), final))
    summary = figures.summarise("final_accuracy", results)
    assert [panel.title for panel in summary.panels] == ["lenet-300-100"]
    assert floor(results) == "Softmax regression, which is not shown, reaches 92.00%."
    assert floor(results) in summary.note
    # Nor is it, in a study whose only dense training it is, the dense training of another network.
    popular = {"method": "edge-popup", "density": [0.3, 0.5]}
    swept = study(grids=[{"method": "free-pruning"}, popular, grids[1]])
    results = analysis.load(record(swept.model_copy(update={"name": "swept"}), final))
    assert panel_fields(results) == ["network", "density"]
    summary = figures.summarise("accuracy_by_density", results)
    assert list(summary.styles) == ["free-pruning", "edge-popup"]
    assert floor(results) in summary.note
    (panel,) = summary.panels
    assert min(panel.sides[0].view) > 92
    (panel,) = figures.summarise("regret_by_density", results).panels
    assert {mark.method for mark in panel.sides[0].beside} == {"free-pruning"}
    # Where no other network has dense training, the floor does not stand for it.
    lonely = study(grids=[{"method": "free-pruning"}, grids[1]], learning_rate=[1e-3, 1e-2])
    results = analysis.load(record(lonely.model_copy(update={"name": "lonely"}), final))
    summary = figures.summarise("final_accuracy", results)
    assert {m.method for p in summary.panels for s in p.sides for m in s.marks} == {"free-pruning"}
    assert "The study has no dense training." in summary.note
    assert floor(results) in summary.note
    drawn = [figures.summarise(name, results) for name in ("rates", "accuracy_by_epoch", "signs")]
    assert [list(one.styles) for one in drawn[:2]] == [["free-pruning"]] * 2
    assert drawn[2].methods == ("free-pruning",)
    floors = study(network="linear", method="dense").model_copy(update={"name": "floors"})
    alone = analysis.load(record(floors, final))
    assert len(figures.summarise("final_accuracy", alone).panels) == 1
    assert floor(alone) == ""
