"""The figures of sweeps, losses, signs, histograms and categories: their summaries, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.drawing.histograms import _each, _largest, histograms, rebin
from analysis.estimates.intervals import grouped, interval
from analysis.estimates.relative import relative
from analysis.figures.scores_by_fate import _SCORES
from analysis.figures.signs import shares
from analysis.figures.weights_by_fate import _WEIGHTS

METHODS = ("dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")
FOUND = ("weights_by_fate", "scores_by_fate")


def _bins(**counts):
    """A histogram of 40 bins with these counts: ``_bins(b3=5)``."""
    return [counts.get(f"b{place}", 0) for place in range(40)]


def _fates(trial):
    """Weights in bins 3 and 30, scores changed in the first and kept in the last bin."""
    if trial.method == "dense":
        return {}
    return {
        "weight_reach": 2.0,
        "weights_kept": _bins(b3=3, b30=1),
        "weights_changed": _bins(b3=1),
        "scores_from": -1.0,
        "scores_to": 1.0,
        "scores_kept": _bins(b39=4),
        "scores_changed": _bins(b0=1),
    }


def final(trial):
    """Accuracies that rise with the positive fraction and the seed, other figures by hand."""
    dense = trial.method == "dense"
    epochs = trial.epochs + 1
    return {
        "test_accuracy": (0.9 if dense else 0.8) + trial.positive_fraction / 10 + trial.seed / 1000,
        "changed": 0.0 if dense else 0.2 * trial.positive_fraction,
        "epochs": {
            "train_loss": [1.0, 0.1, 0.02, 0.004][:epochs],
            "test_loss": [value * (1 + trial.seed / 10) for value in (1.0, 0.5, 0.4, 0.3)][:epochs],
        },
        "layers": _fates(trial),
    }


#: A study for each figure, to which it applies.
STUDIES = {
    "loss_by_epoch": {},
    "generalisation_gap_by_epoch": {},
    "by_positive_fraction": {"positive_fraction": [0.1, 0.5]},
    "accuracy_by_changed": {},
    "signs": {},
    "weights_by_fate": {},
    "scores_by_fate": {},
    "binary_weights": {"weights": ["he-constant", "binary", "binary(scaled)"]},
    "activations": {"activation": ["relu", "tanh"]},
    "data_sets": {"dataset": ["digits", "mnist"]},
    "rescaling": {
        "method": "dense",
        "grids": [
            {"method": "dense"},
            {"method": "free-pruning", "rescaling": ["none", "dynamic"]},
        ],
    },
}


@pytest.fixture
def load(study, record):
    def run(final=final, **axes):
        return analysis.load(record(study(**axes), final))

    return run


@pytest.fixture
def shown(load):
    """What a figure shows of a study."""

    def summarise(name, final=final, **axes):
        return figures.summarise(name, load(final, **axes))

    return summarise


def _line(side, method):
    return next(line for line in side.lines if line.method == method)


def _marks(side, method):
    """A method's marks in a side with rows, by the label of their slot."""
    return {s.label: mark for s in side.slots for mark in s.marks if mark.method == method}


def test_the_studies_cover_all_of_them():
    assert set(STUDIES) <= set(figures.names())


@pytest.mark.parametrize("name", STUDIES)
def test_title_note_and_units_stand_on_the_figure_and_nothing_is_cut_off(load, name, inside_figure):
    axes = {"method": list(METHODS), "network": ["lenet-300-100", "lenet-50"]} | STUDIES[name]
    drawing = figures.draw(name, load(**axes))
    inside_figure(drawing)
    stated = " ".join(text.get_text().replace("\n", " ") for text in drawing.figure.texts)
    assert drawing.title in stated
    assert drawing.note in stated
    assert "n = 3 seeds" in stated
    assert ("no intervals" if name in FOUND else "95% t interval") in stated
    labels = [axes.get_xlabel() + axes.get_ylabel() for axes in drawing.figure.axes]
    assert any(unit in labels[0] for unit in ("(%)", "(points)", "(nats)", "percent", "(% of"))


@pytest.mark.parametrize("name", STUDIES)
def test_one_seed_says_so(shown, name):
    note = shown(name, seeds=1, **STUDIES[name]).note
    assert ("summed over n = 1 seed." if name in FOUND else "n = 1 seed: single trials") in note


@pytest.mark.parametrize("name", STUDIES)
def test_dead_trials_are_counted(shown, name):
    def some_dead(trial):
        dead = trial.method == "free-pruning" and trial.seed == 2
        return final(trial) | ({"outcome": "dead", "test_accuracy": 0.1} if dead else {})

    assert " dead" in shown(name, some_dead, **STUDIES[name]).note


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("by_positive_fraction", "several positive fractions"),
        ("binary_weights", "binary weights"),
        ("activations", "two values of activation"),
        ("data_sets", "two values of dataset"),
        ("rescaling", "two values of rescaling"),
    ],
)
def test_one_value_is_no_comparison(results, name, why):
    with pytest.raises(NothingToDraw, match=why):
        figures.summarise(name, results)


def test_binary_weights_alone_are_no_comparison(shown):
    with pytest.raises(NothingToDraw, match="two values of weights"):
        shown("binary_weights", weights="binary")


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_but_nan(shown, name):
    def diverged(trial):
        values = [math.nan] * (trial.epochs + 1)
        epochs = {"train_loss": values, "test_loss": values}
        return {"test_accuracy": math.nan, "changed": 0.3, "outcome": "diverged", "epochs": epochs}

    if name == "signs":  # of whatever the weights have become
        assert "6 diverged" in shown(name, diverged, **STUDIES[name]).note
    else:
        with pytest.raises(NothingToDraw):
            shown(name, diverged, **STUDIES[name])


# Curves.


def test_losses_are_in_nats(shown):
    summary = shown("loss_by_epoch")
    curve = summary.panels[0].curves[1]
    assert curve.method == "free-pruning"
    assert curve.epochs.tolist() == [0, 1, 2, 3]
    assert curve.mean == pytest.approx([1.2, 0.6, 0.48, 0.36])  # seed 2 is the mean
    assert curve.thin == pytest.approx([1.0, 0.1, 0.02, 0.004])
    assert summary.is_logarithmic
    low, high = summary.view
    assert low < 0.036 < 0.04  # a tenth of the lowest test loss
    assert low > 0.004
    assert high > 1.2
    assert "Lines cut off: training below the axis." in summary.note
    end = interval([0.33, 0.36, 0.39])
    assert (curve.end.mean, curve.end.low) == pytest.approx((0.36, end.low))


def test_an_interval_that_reaches_zero_ends_at_the_edge(shown):
    def wide(trial):
        losses = [0.01 * 10**trial.seed] * (trial.epochs + 1)
        return final(trial) | {"epochs": {"train_loss": losses, "test_loss": losses}}

    summary = shown("loss_by_epoch", wide)
    assert all(curve.end.low < 0 for curve in summary.panels[0].curves)
    (axes,) = figures.render("loss_by_epoch", summary).figure.axes
    assert axes.get_yscale() == "log"
    arrows = [line for line in axes.lines if line.get_marker() == "v"]
    assert [line.get_ydata()[0] for line in arrows] == pytest.approx([summary.view[0]] * 2)
    assert "ends of intervals outside the view" in summary.full_note


@pytest.mark.parametrize("name", ["loss_by_epoch", "generalisation_gap_by_epoch"])
def test_values_that_never_change(study, record, name):
    results = analysis.load(record(study(method="free-pruning", seeds=1)))
    low, high = figures.summarise(name, results).view
    assert low < high


def test_the_gap_is_training_minus_test_in_points(shown):
    def gap(trial):
        test = [0.1, 0.5, 0.9, 0.90]
        train = [0.1, 0.1, 0.9, 0.93 + trial.seed / 100]
        columns = {"train_accuracy": train, "test_accuracy": test}
        return final(trial) | {"epochs": columns}

    summary = shown("generalisation_gap_by_epoch", gap)
    curve = summary.panels[0].curves[1]
    assert curve.epochs.tolist() == [1, 2, 3]
    assert curve.mean == pytest.approx([-40, 0, 5])
    low, high = summary.view
    assert -10 < low < 0
    assert high > 5
    assert "Epochs outside the axis are cut off." in summary.note


def test_no_epochs(load):
    for name in ("loss_by_epoch", "generalisation_gap_by_epoch"):
        with pytest.raises(NothingToDraw, match="first epoch"):
            figures.summarise(name, load(epochs=0))


# Sweeps and trade-offs.


def test_sweep_over_positive_fractions(load):
    fractions = [0.1, 0.5, 0.9]
    results = load(positive_fraction=fractions)
    (panel,) = figures.summarise("by_positive_fraction", results).panels
    left, right = panel.sides
    accuracy, changed = _line(left, "free-pruning"), _line(right, "free-pruning")
    assert accuracy.values == pytest.approx(fractions)
    assert panel.places == pytest.approx({0.1: 0.1, 0.5: 0.5, 0.9: 0.9})
    assert [mark.mean for mark in accuracy.marks] == pytest.approx([81.2, 85.2, 89.2])
    assert [mark.mean for mark in changed.marks] == pytest.approx([2, 10, 18])
    assert [mark.mean for mark in _line(left, "dense").marks] == pytest.approx([91.2, 95.2, 99.2])
    assert [line.method for line in right.lines] == ["free-pruning"]
    rows = results.trials.query("method == 'free-pruning' and positive_fraction == 0.1")
    (low,), (high,) = (
        grouped(rows, ["method"], "test_accuracy")[end] * 100 for end in ("low", "high")
    )
    assert (accuracy.marks[0].low, accuracy.marks[0].high) == pytest.approx((low, high))


def test_dense_alone_has_no_panel_of_changed_connections(shown):
    (panel,) = shown("by_positive_fraction", method="dense", positive_fraction=[0.1, 0.5]).panels
    assert [side.title for side in panel.sides] == ["test accuracy"]


def test_weights_without_a_sweep_make_no_panel(shown):
    grids = [{"weights": "he-constant", "positive_fraction": [0.1, 0.5]}, {"weights": "he-normal"}]
    assert [panel.title for panel in shown("by_positive_fraction", grids=grids).panels] == [
        "he-constant"
    ]


def _row(method, weights, seed, accuracy, **others):
    row = dict.fromkeys(analysis.cells.TASK, "") | {"positive_fraction": 0.5}
    row |= {"method": method, "weights": weights, "seed": seed, "test_accuracy": accuracy}
    return row | others


def test_relative_accuracies_by_hand():
    trials = pd.DataFrame(
        [
            _row("dense", "he-normal", 1, 0.8),
            _row("dense", "binary", 1, 0.1),
            _row("dense", "binary", 2, 0.5),
            _row("free-pruning", "binary", 1, 0.4, positive_fraction=0.9),
            _row("free-pruning", "binary", 1, 0.6),
            _row("free-pruning", "binary", 2, 0.4),
            _row("free-pruning", "binary", 3, 0.4),
            _row("free-pruning", "he-normal", 1, 0.4, learning_rate=0.5),
        ]
    )
    found = relative(trials)
    # of he-normal, though there may be the same weights; of these, for want of he-normal; no such
    # seed; no such recipe
    expected = [0.5, 0.75, 0.8, math.nan, math.nan]
    assert found["relative"].tolist() == pytest.approx(expected, nan_ok=True)
    assert found["own"].tolist() == [False, False, True, False, False]


def test_accuracy_against_changed(shown):
    def close(trial):
        dense = trial.method == "dense"
        accuracy = 0.9 if dense else 0.85 + 0.02 * trial.seed
        return {"test_accuracy": accuracy, "changed": 0 if dense else 0.05 * trial.seed}

    summary = shown("accuracy_by_changed", close)
    ((_, (arm,)),) = summary.panels
    assert [mark.mean for mark in arm.changed] == pytest.approx([10])
    assert [mark.mean for mark in arm.accuracy] == pytest.approx([0.89 / 0.9 * 100])
    changed, accuracy = zip(*sorted(arm.trials), strict=True)
    assert changed == pytest.approx([5, 10, 15])
    assert accuracy == pytest.approx([85 / 0.9 + 2 / 0.9, 89 / 0.9, 91 / 0.9])
    assert summary.up[0] < 90
    assert "100%: dense from he-normal weights." in summary.note
    (axes,) = figures.render("accuracy_by_changed", summary).figure.axes
    (corner,) = axes.patches
    assert corner.get_bbox().x1 == pytest.approx(10)
    assert corner.get_bbox().y0 == 90


def test_markers_at_the_edge_of_the_view_are_whole(shown):
    summary = shown("accuracy_by_changed")
    (axes,) = figures.render("accuracy_by_changed", summary).figure.axes
    marked = [line for line in axes.lines if line.get_marker() in ("s", "o")]
    assert len(marked) == 2
    assert not any(line.get_clip_on() for line in marked)


def test_a_mean_far_below_is_marked_at_the_edge(shown):
    def far(trial):
        return final(trial) | ({"test_accuracy": 0.1} if trial.method == "free-pruning" else {})

    methods = ["dense", "free-pruning", *METHODS[2:]]
    summary = shown("accuracy_by_changed", far, method=methods)
    assert summary.up[0] >= 75
    (axes,) = figures.render("accuracy_by_changed", summary).figure.axes
    (mark,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert mark.get_ydata()[0] == axes.get_ylim()[0]
    assert "Arrows at an edge: 1 mean and" in summary.note


def test_densities_are_joined_in_one_panel(shown):
    grids = [{"method": "dense"}, {"method": "edge-popup", "density": [0.9, 0.3, 0.6]}]

    def kept(trial):
        return {"test_accuracy": 0.9, "changed": 1 - trial.density if trial.density else 0}

    ((_, (arm,)),) = shown("accuracy_by_changed", kept, grids=grids, method="dense").panels
    assert [mark.mean for mark in arm.changed] == pytest.approx([70, 40, 10])


def test_without_dense_nothing_is_relative(shown):
    with pytest.raises(NothingToDraw, match="dense partner"):
        shown("accuracy_by_changed", method="free-pruning")


def test_trials_without_a_partner_are_counted(shown):
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "supermask", "learning_rate": 0.1}]
    summary = shown("accuracy_by_changed", grids=grids, method="dense")
    assert "3 of 6 trials have no dense partner with the same recipe." in summary.note


# Signs.


def test_signs_by_hand(load):
    signs = {"effective_negative": 100, "effective_zero": 100, "effective_positive": 50_000}
    results = load(lambda trial: final(trial) | {"layers": signs}, method="free-pruning")
    table = shares(results)
    before = table.query("moment == 'before'").set_index("sign")["mean"]
    assert before.to_dict() == pytest.approx({"negative": 0.5, "zero": 0, "positive": 0.5})
    after = table.query("moment == 'after'").set_index("sign")["mean"]
    assert after["zero"] == pytest.approx(300 / 50_200)  # three layers of 50,200 connections
    assert set(table["n"]) == {3}


def test_bars_of_signs_are_the_shares_side_by_side(shown):
    summary = shown("signs")
    (axes,) = figures.render("signs", summary).figure.axes
    bars = [patch for patch in axes.patches if patch.get_y() > 0.5]  # free-pruning is the second
    before, after = bars[:3], bars[3:]
    assert [bar.get_width() for bar in before] == pytest.approx([50, 0, 50])
    assert [bar.get_width() for bar in after] == pytest.approx([45, 10, 45])
    assert [bar.get_x() for bar in after] == pytest.approx([0, 45, 55])
    assert len({bar.get_facecolor() for bar in after}) == 3
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "dense  before",
        "after",
        "free-pruning  before",
        "after",
    ]


# Histograms.


def test_counts_in_other_bins():
    assert rebin([2, 4], -1, 1, np.array([-1, 0, 1])).tolist() == [2, 4]
    assert rebin([2, 4], -1, 1, np.array([-2, 0, 2])).tolist() == [2, 4]
    assert rebin([2, 4], -1, 1, np.array([-1.0, -0.5, 0.5, 1.5])).tolist() == [1, 3, 2]
    assert rebin([5, 0], 1, 1, np.array([1.0, 1.5, 2.0])).tolist() == [5, 0]  # all are the same


def test_histograms_of_seeds_with_the_same_ends(load):
    results = load()
    (row,) = histograms(results, _WEIGHTS).to_dict("records")
    assert (row["method"], row["n"], row["layer"]) == ("free-pruning", 3, "layer 1")
    assert row["edges"][[0, -1]].tolist() == [-2, 2]
    assert row["kept"].tolist() == _bins(b3=9, b30=3)
    assert row["changed"].tolist() == _bins(b3=3)
    (row,) = histograms(results, _SCORES).to_dict("records")
    assert row["kept"].tolist() == _bins(b39=12)


def test_histograms_of_seeds_with_other_ends(load):
    def other(trial):
        return final(trial) | {"layers": _fates(trial) | {"scores_to": 1.0 + 2 * (trial.seed == 2)}}

    (row,) = histograms(load(other, seeds=2), _SCORES).to_dict("records")
    assert row["edges"][[0, -1]].tolist() == [-1, 3]
    assert row["kept"].sum() == pytest.approx(8)
    assert row["kept"][19] == pytest.approx(4)  # the last of 40 bins from -1 to 1
    assert row["kept"][39] == pytest.approx(4)


def test_histograms_do_not_depend_on_the_order_of_rows(load):
    # Threads read parts in any order, and the last bits of a sum over seeds depend on it.
    results = load(seeds=20)
    rows = _largest(results, _SCORES, ["method"])
    attempts = [trial["attempt"] for trial in _each(rows)]
    assert len(attempts) == 20
    assert attempts == sorted(attempts)


def test_histograms_are_drawn_in_percent_of_their_fate(shown):
    summary = shown("weights_by_fate")
    (axes,) = figures.render("weights_by_fate", summary).figure.axes
    kept, changed = (patch.get_data().values for patch in axes.patches)
    assert kept == pytest.approx(_bins(b3=75, b30=25))
    assert changed == pytest.approx(_bins(b3=100))
    assert axes.get_title() == "free-pruning: 20.0% changed"
    low, high = axes.get_xlim()
    assert -2 < low < -1.7 < 1 < high < 2  # from bin 3 to bin 30
    assert "largest layer (layer 1)" in summary.note


def test_rows_are_panels_and_columns_methods(shown):
    axes = {"method": list(METHODS), "weights": ["he-normal", "exponential"]}
    rows = shown("scores_by_fate", **axes).rows
    assert [title for title, _ in rows] == ["he-normal", "exponential"]
    for _, histograms_of_row in rows:
        assert [one.method for one in histograms_of_row] == list(METHODS[1:])


def _constant(trial):
    ends = {"weights_kept": _bins(b0=3, b39=1), "weights_changed": _bins(b0=1)}
    fates = _fates(trial) | (ends if trial.weights == "he-constant" else {})
    return final(trial) | {"layers": fates}


def test_weights_of_one_magnitude_give_way_to_others(shown):
    methods = ["free-pruning", "free-flipping"]
    summary = shown(
        "weights_by_fate", _constant, method=methods, weights=["he-normal", "he-constant"]
    )
    ((_, histograms_of_row),) = summary.rows
    assert len(histograms_of_row) == 2
    assert "Not shown: cells in which all values have one magnitude (2)." in summary.note


def test_weights_of_one_magnitude_alone_are_shown(shown):
    alone = shown("weights_by_fate", _constant, weights="he-constant")
    assert len(alone.rows) == 1
    assert "Not shown" not in alone.note


def test_many_rows_of_histograms_are_capped(shown):
    axes = {"method": list(METHODS), "positive_fraction": [i / 10 for i in range(1, 9)]}
    summary = shown("weights_by_fate", seeds=1, **axes)
    assert sum(len(histograms_of_row) for _, histograms_of_row in summary.rows) == 24
    assert "Only the first 6 of 8 rows are shown." in summary.note


def test_older_results_have_no_histograms(results):
    with pytest.raises(NothingToDraw, match="recorded the weights"):
        figures.summarise("weights_by_fate", results)
    with pytest.raises(NothingToDraw, match="recorded them"):
        figures.summarise("scores_by_fate", results)


# Categories.


def test_categories_by_hand(shown):
    def by_activation(trial):
        high = {"relu": 0.9, "tanh": 0.8}[trial.activation] + trial.seed / 100
        return {"test_accuracy": high, "changed": 0.1 * trial.seed}

    (panel,) = shown("activations", by_activation, activation=["tanh", "relu"]).panels
    left, right = panel.sides
    assert [slot.label for slot in left.slots] == ["tanh", "relu"]
    tanh, relu = _marks(left, "free-pruning").values()
    assert (tanh.mean, relu.mean) == pytest.approx((82, 92))
    ends = interval([0.81, 0.82, 0.83])
    assert (tanh.low, tanh.high) == pytest.approx((ends.low * 100, ends.high * 100))
    assert sorted(tanh.seeds) == pytest.approx([81, 82, 83])
    assert [mark.mean for mark in _marks(right, "free-pruning").values()] == pytest.approx([20, 20])
    assert not _marks(right, "dense")


def test_categories_are_drawn_at_their_place(shown):
    summary = shown("activations", activation=["tanh", "relu"])
    left, _ = figures.render("activations", summary).figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["tanh", "relu"]
    marks = [line for line in left.lines if line.get_marker() == "s"]
    expected = [mark.mean for mark in _marks(summary.panels[0].sides[0], "free-pruning").values()]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx(expected)
    tanh, relu = (line.get_ydata()[0] for line in marks)
    (boundary,) = [patch.get_y() for patch in left.patches]  # every second category is shaded
    assert tanh < boundary < relu


def test_a_category_at_chance_does_not_press_the_others(shown):
    def far(trial):
        lost = trial.weights == "binary" and trial.method == "dense"
        accuracy = 0.1 if lost else 0.95 + trial.seed / 1000
        return {"test_accuracy": accuracy, "changed": 0.2}

    summary = shown("binary_weights", far, weights=["he-normal", "binary"])
    assert summary.panels[0].sides[0].view[0] > 80
    assert "Arrows at an edge: 3 of 18 seeds and 1 mean" in summary.full_note


def test_data_sets_are_compared_by_their_difference_to_dense(shown):
    (panel,) = shown("data_sets", dataset=["digits", "mnist"]).panels
    _, right = panel.sides
    assert right.axis == "test accuracy minus dense (points)"
    marks = [mark.mean for mark in _marks(right, "free-pruning").values()]
    assert marks == pytest.approx([-10, -10])
    low, high = right.view
    assert low < -10 < 0 < high


def test_data_sets_without_dense(shown):
    (panel,) = shown("data_sets", method="free-pruning", dataset=["digits", "mnist"]).panels
    assert panel.sides[1].axis == "changed connections (%)"


def test_dense_that_has_no_rescaling_is_a_line(shown):
    summary = shown("rescaling", **STUDIES["rescaling"])
    left, _ = summary.panels[0].sides
    ((value, kind),) = left.guides
    assert (value, kind) == (pytest.approx(95.2), "dense")
    assert len(_marks(left, "free-pruning")) == 2
    assert "Dashed: mean of dense, which has no rescaling." in summary.note


@pytest.mark.parametrize("name", ["binary_weights", "activations", "data_sets"])
def test_one_value_of_a_field_makes_no_panel(shown, name):
    ((field, values),) = STUDIES[name].items()
    grids = [{"network": "lenet-50", field: values}, {"network": "lenet-300-100"}]
    axes = {"weights": "binary"} if name == "binary_weights" else {}
    summary = shown(name, grids=grids, **axes)
    assert [panel.title for panel in summary.panels] == ["lenet-50"]
