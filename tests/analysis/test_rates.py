"""The learning rate that each method needs: computed undrawn, then read back from the figure."""

from types import SimpleNamespace

import pandas as pd
import pytest

import analysis
from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.estimates.rates import chosen_of, curves, panels_of, rows_of, without_values
from studies.trial import FIELDS, REQUIRED

METHODS = ["dense", "free-pruning"]
RATES = [1e-3, 1e-2, 1e-1]
DEFAULTS = {name: field.default for name, field in FIELDS.items() if name not in REQUIRED}
CELL = DEFAULTS | {"network": "lenet-5", "dataset": "mnist", "weights": "x", "epochs": 1}


def rows(accuracies):
    """A row per trial: (method, rate, further fields) with the accuracies of seeds 1, 2, ..."""
    return pd.DataFrame(
        CELL
        | {"method": m, "whole_name": m, "learning_rate": r, "seed": s, "accuracy": a}
        | further
        for (m, r, further), values in accuracies
        for s, a in enumerate(values, 1)
    )


def test_each_method_has_one_best_rate_and_schedule():
    trials = rows(
        [
            (("dense", 1e-3, {}), (0.90, 0.92)),
            (("dense", 1e-2, {}), (0.80, 0.82)),
            (("dense", 1e-3, {"schedule": "cosine"}), (0.93, 0.95)),
            (("free-pruning", 1e-3, {}), (0.90, 0.90)),
            (("free-pruning", 1e-2, {}), (0.92, 0.90)),
        ]
    )
    table = curves(trials, panels_of(trials))
    assert table["mean"].tolist() == pytest.approx([0.91, 0.81, 0.94, 0.90, 0.91])
    assert table["best"].tolist() == [False, False, True, False, True]
    assert table["n"].tolist() == [2] * 5
    # 0.90 and 0.92: half-width t(0.975, 1) * 0.0141421 / sqrt(2)
    assert table["high"][0] - table["mean"][0] == pytest.approx(12.7062 * 0.01, rel=1e-4)


def test_at_each_rate_a_method_has_the_best_of_its_other_fields():
    trials = rows(
        [
            (("edge-popup", 1e-3, {"density": 0.3}), (0.90,)),
            (("edge-popup", 1e-3, {"density": 0.5}), (0.93,)),
            (("edge-popup", 1e-2, {"density": 0.3}), (0.95,)),
            (("edge-popup", 1e-2, {"density": 0.5}), (0.91,)),
        ]
    )
    assert (panels_of(trials), chosen_of(trials)) == ([], ["density"])
    table = curves(trials, [])
    assert table["mean"].tolist() == [0.93, 0.95]
    assert table["density"].tolist() == [0.5, 0.3]


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("bop", "bop"),
        ("bop(tau=1e-05)", "bop"),
        ("edge-popup(global)", "edge-popup(global)"),
        ("x(flag,a=2)", "x(flag)"),
    ],
)
def test_a_method_is_shown_without_its_parameters_values(method, shown):
    assert without_values(method) == shown


def test_a_method_has_the_best_of_its_parameters(study, record):
    final = {"bop": 0.9, "bop(tau=1e-05)": 0.95}
    asked = study(method=list(final), learning_rate=RATES, optimizer="sgd", seeds=1)
    results = analysis.load(
        record(asked, lambda t: {"test_accuracy": final[t.method], "changed": 0.5})
    )
    table, _ = rows_of(results)
    assert chosen_of(table) == ["whole_name"]
    curve = curves(table, [])
    assert curve["method"].tolist() == ["bop"] * 3
    assert curve["whole_name"].tolist() == ["bop(tau=1e-05)"] * 3
    summary = figures.summarise("rates", results)
    assert "At each rate, a method has its best parameters." in summary.note
    assert list(summary.styles) == ["bop"]


def test_other_fields_make_panels_and_a_panel_without_rates_is_left_out():
    trials = rows(
        [
            (("dense", 1e-3, {"batch_size": 25}), (0.90,)),
            (("dense", 1e-2, {"batch_size": 25}), (0.91,)),
            (("dense", 1e-2, {"batch_size": 128}), (0.99,)),
            (("free-pruning", 1e-3, {"batch_size": 25}), (0.99,)),
        ]
    )
    assert panels_of(trials) == ["batch_size"]
    table = curves(trials, ["batch_size"])
    assert table["batch_size"].tolist() == [25, 25, 25]
    assert table["best"].tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("accuracies", "edge"),
    [
        ([(0.90, 0.91, 0.92), (0.94, 0.95, 0.97), (0.90, 0.90, 0.90)], ""),
        ([(0.90, 0.91, 0.92), (0.94, 0.95, 0.97), (0.95, 0.97, 0.98)], "upper"),
        ([(0.95, 0.97, 0.98), (0.94, 0.95, 0.97), (0.90, 0.90, 0.90)], "lower"),
        ([(0.90, 0.91, 0.92), (0.94, 0.95, 0.97), (0.99, 0.90, 0.98)], ""),  # too uncertain
        ([(0.90,), (0.94,), (0.95,)], ""),  # one seed
    ],
)
def test_an_end_of_the_rates_is_an_edge_only_if_the_step_to_it_gains(accuracies, edge):
    given = [(("dense", rate, {}), values) for rate, values in zip(RATES, accuracies, strict=True)]
    # Another method at the same rates is another matter.
    given += [(("free-pruning", rate, {}), (0.5,) * len(accuracies[0])) for rate in RATES]
    table = curves(rows(given), [])
    assert table.loc[table["best"], "edge"].tolist() == [edge, ""]


@pytest.fixture
def tuned(study, record):
    """Results of two methods over three rates, on three tuning seeds; dense breaks at 0.1."""

    def final(trial):
        accuracy = 0.9 + trial.seed / 1000
        if trial.method == "dense":
            accuracy += {1e-3: 0.05, 1e-2: 0.02, 1e-1: -0.8}[trial.learning_rate]
        else:
            accuracy += {1e-3: 0.01, 1e-2: 0.03, 1e-1: 0.04}[trial.learning_rate]
        return {"test_accuracy": accuracy, "changed": 0.5}

    asked = study(method=METHODS, learning_rate=RATES, seeds=1)
    asked = asked.model_copy(update={"tuning_seeds": [11, 12, 13]})
    return analysis.load(record(asked, final))


def test_the_figure_marks_the_best_rate_of_each_method(tuned):
    table, is_tuned = rows_of(tuned)
    assert is_tuned
    assert set(table["seed"]) == {11, 12, 13}
    summary = figures.summarise("rates", tuned)
    (side,) = summary.panels[0].sides
    dense, pruning = side.lines
    assert (dense.best, pruning.best) == (1e-3, 1e-1)
    low, high = side.view
    assert low > 90  # dense at 0.1 is left out
    assert high <= 100
    assert "1 mean" in summary.full_note[summary.full_note.index("Arrows at an edge") :]
    assert "Mean over n = 3 seeds" in summary.note
    assert "Tuning seeds." in summary.note
    assert "Best: dense 0.001; free-pruning 0.1." in summary.note
    (axes,) = figures.render("rates", summary).figure.axes
    rings = [line for line in axes.lines if line.get_markersize() == 13]
    heights = [float(line.get_ydata()[0]) for line in rings]
    assert heights == pytest.approx([96.2, 95.2])
    assert [round(float(line.get_xdata()[0])) for line in rings] == [0, 2]  # the first and the last


def test_one_method_with_several_rates_on_tuning_seeds_is_enough():
    tuning = rows(
        [
            (("dense", 1e-3, {}), (0.90, 0.92)),
            (("free-pruning", 1e-3, {}), (0.90, 0.90)),
            (("free-pruning", 1e-2, {}), (0.92, 0.90)),
        ]
    ).assign(validation_accuracy=0.5)
    table, is_tuned = rows_of(SimpleNamespace(tuning=tuning, trials=tuning[:1]))
    assert (is_tuned, len(table)) == (True, 6)


def test_what_only_fresh_seeds_vary_is_drawn_from_them(study, record):
    results = analysis.load(record(study(method=METHODS, learning_rate=RATES)))
    rows, is_tuned = rows_of(results)
    assert not is_tuned
    assert len(rows) == len(results.trials)
    assert "Tuning seeds" not in figures.summarise("rates", results).note


def test_a_panel_for_each_schedule(study, record):
    results = analysis.load(
        record(study(method=METHODS, learning_rate=RATES, schedule=["constant", "cosine"]))
    )
    summary = figures.summarise("rates", results)
    assert [panel.title for panel in summary.panels] == ["schedule constant", "schedule cosine"]
    best = [line.best for panel in summary.panels for line in panel.sides[0].lines]
    assert sum(rate is not None for rate in best) == 2


def test_one_rate_each_is_no_figure(study, record):
    grids = [{"method": "dense"}, {"method": "free-pruning", "learning_rate": 1e-2}]
    results = analysis.load(record(study(grids=grids)))
    with pytest.raises(NothingToDraw, match=r"^No method is trained at several learning rates\.$"):
        figures.summarise("rates", results)
    nothing = analysis.load(record(study(learning_rate=RATES), only=lambda trial: False))
    with pytest.raises(NothingToDraw):
        figures.summarise("rates", nothing)


def test_nothing_is_cut_off(tuned, inside_figure):
    inside_figure(figures.draw("rates", tuned))
