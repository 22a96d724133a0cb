"""The figures of sweeps, losses, signs, histograms and categories, read back from matplotlib."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import analysis
from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.drawing.histograms import histograms, rebin
from analysis.drawing.style import looks
from analysis.estimates.intervals import grouped, interval
from analysis.estimates.relative import relative
from analysis.figures.scores_by_fate import _SCORES
from analysis.figures.signs import shares
from analysis.figures.weights_by_fate import _WEIGHTS

METHODS = ("dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")
LOOKS = looks(METHODS)
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


def _axes(drawing):
    return [axes for axes in drawing.figure.axes if axes.get_visible()]


def _of(axes, method, marker=True):
    """The lines in a method's colour, with its marker or without any."""
    look = LOOKS[method]
    wanted = look.marker if marker else "None"
    lines = [line for line in axes.lines if line.get_color() == look.colour]
    return [line for line in lines if line.get_marker() == wanted and len(line.get_xdata())]


def test_the_studies_cover_all_of_them():
    assert set(STUDIES) <= set(figures.names())


@pytest.mark.parametrize("name", STUDIES)
def test_title_note_and_units_stand_on_the_figure(load, name):
    drawing = figures.draw(name, load(**STUDIES[name]))
    said = " ".join(text.get_text().replace("\n", " ") for text in drawing.figure.texts)
    assert drawing.title in said
    assert drawing.note in said
    assert "n = 3 seeds" in said
    assert ("no intervals" if name in FOUND else "95% t interval") in said
    labels = [axes.get_xlabel() + axes.get_ylabel() for axes in _axes(drawing)]
    assert any(unit in labels[0] for unit in ("(%)", "(points)", "(nats)", "percent"))


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_is_cut_off(load, name):
    axes = {"method": list(METHODS), "network": ["lenet-300-100", "lenet-50"]} | STUDIES[name]
    figure = figures.draw(name, load(**axes)).figure
    box = figure.bbox
    parts = [*figure.texts, *figure.legends, *(axes.title for axes in figure.axes)]
    for axes_ in figure.axes:
        parts += [axes_.xaxis.label, axes_.yaxis.label, *axes_.texts]
        parts += axes_.get_yticklabels()
        low, high = axes_.get_xlim()
        parts += [at for at in axes_.get_xticklabels() if low <= at.get_position()[0] <= high]
    extents = [part.get_window_extent() for part in parts if part.get_visible()]
    shown = [extent for extent in extents if extent.width > 0]
    assert len(shown) > 5
    for extent in shown:
        assert extent.x0 >= box.x0 - 1
        assert extent.x1 <= box.x1 + 1
        assert extent.y0 >= box.y0 - 1
        assert extent.y1 <= box.y1 + 1


@pytest.mark.parametrize("name", STUDIES)
def test_one_seed_says_so(load, name):
    note = figures.draw(name, load(seeds=1, **STUDIES[name])).note
    assert ("summed over n = 1 seed." if name in FOUND else "n = 1 seed: single trials") in note


@pytest.mark.parametrize("name", STUDIES)
def test_dead_trials_are_told(load, name):
    def some_dead(trial):
        dead = trial.method == "free-pruning" and trial.seed == 2
        return final(trial) | ({"outcome": "dead", "test_accuracy": 0.1} if dead else {})

    drawing = figures.draw(name, load(some_dead, **STUDIES[name]))
    assert " dead" in drawing.note


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
        figures.draw(name, results)


def test_binary_weights_alone_are_no_comparison(load):
    with pytest.raises(NothingToDraw, match="two values of weights"):
        figures.draw("binary_weights", load(weights="binary"))


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_but_nan(load, name):
    def diverged(trial):
        values = [math.nan] * (trial.epochs + 1)
        epochs = {"train_loss": values, "test_loss": values}
        return {"test_accuracy": math.nan, "changed": 0.3, "outcome": "diverged", "epochs": epochs}

    loaded = load(diverged, **STUDIES[name])
    if name == "signs":  # of whatever the weights have become
        assert "6 diverged" in figures.draw(name, loaded).note
    else:
        with pytest.raises(NothingToDraw):
            figures.draw(name, loaded)


def test_losses_are_drawn_in_nats(load):
    drawing = figures.draw("loss_by_epoch", load())
    (axes,) = _axes(drawing)
    (test,) = _of(axes, "free-pruning")
    assert list(test.get_xdata()) == [0, 1, 2, 3]
    assert test.get_ydata() == pytest.approx([1.2, 0.6, 0.48, 0.36])  # seed 2 is the mean
    (train,) = _of(axes, "free-pruning", marker=False)
    assert train.get_ydata() == pytest.approx([1.0, 0.1, 0.02, 0.004])
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert low < 0.036 < 0.04  # a tenth of the lowest test loss
    assert low > 0.004
    assert high > 1.2
    assert "Lines cut off: training below the axis." in drawing.note
    band = axes.collections[1].get_paths()[0].vertices[:, 1]
    end = interval([0.33, 0.36, 0.39])
    assert min(band) == pytest.approx(end.low)


def test_a_band_that_reaches_zero_is_not_drawn(load):
    def wide(trial):
        losses = [0.01 * 10**trial.seed] * (trial.epochs + 1)
        return final(trial) | {"epochs": {"train_loss": losses, "test_loss": losses}}

    drawing = figures.draw("loss_by_epoch", load(wide))
    (axes,) = _axes(drawing)
    assert not any(len(band.get_paths()) for band in axes.collections)
    assert "No band where it would reach zero." in drawing.note


@pytest.mark.parametrize("name", ["loss_by_epoch", "generalisation_gap_by_epoch", "signs"])
def test_values_that_never_change(study, record, name):
    drawing = figures.draw(name, analysis.load(record(study(method="free-pruning", seeds=1))))
    (axes,) = _axes(drawing)
    low, high = axes.get_ylim()
    assert low != high


def test_the_gap_is_training_minus_test_in_points(load):
    def gap(trial):
        test = [0.1, 0.5, 0.9, 0.90]
        train = [0.1, 0.1, 0.9, 0.93 + trial.seed / 100]
        columns = {"train_accuracy": train, "test_accuracy": test}
        return final(trial) | {"epochs": columns}

    drawing = figures.draw("generalisation_gap_by_epoch", load(gap))
    (axes,) = _axes(drawing)
    (line,) = _of(axes, "free-pruning")
    assert list(line.get_xdata()) == [1, 2, 3]
    assert line.get_ydata() == pytest.approx([-40, 0, 5])
    low, high = axes.get_ylim()
    assert -10 < low < 0
    assert high > 5
    assert "Epochs outside the axis are cut off." in drawing.note


def test_no_epochs(load):
    for name in ("loss_by_epoch", "generalisation_gap_by_epoch"):
        with pytest.raises(NothingToDraw, match="first epoch"):
            figures.draw(name, load(epochs=0))


def test_sweep_over_positive_fractions(load):
    fractions = [0.1, 0.5, 0.9]
    results = load(positive_fraction=fractions)
    drawing = figures.draw("by_positive_fraction", results)
    left, right = _axes(drawing)
    accuracy, changed = _of(left, "free-pruning")[0], _of(right, "free-pruning")[0]
    assert accuracy.get_xdata() == pytest.approx(fractions, abs=0.05)
    assert accuracy.get_ydata() == pytest.approx([81.2, 85.2, 89.2])
    assert changed.get_ydata() == pytest.approx([2, 10, 18])
    assert _of(left, "dense")[0].get_ydata() == pytest.approx([91.2, 95.2, 99.2])
    assert not _of(right, "dense")
    bar = left.collections[1].get_paths()[0].vertices[:, 1]
    rows = results.trials.query("method == 'free-pruning' and positive_fraction == 0.1")
    (low,), (high,) = (
        grouped(rows, ["method"], "test_accuracy")[end] * 100 for end in ("low", "high")
    )
    assert (min(bar), max(bar)) == pytest.approx((low, high))


def test_weights_without_a_sweep_make_no_panel(load):
    grids = [{"weights": "he-constant", "positive_fraction": [0.1, 0.5]}, {"weights": "he-normal"}]
    axes = _axes(figures.draw("by_positive_fraction", load(grids=grids)))
    assert [one.get_title().split("\n")[0] for one in axes] == ["he-constant", "he-constant"]


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
            _row("free-pruning", "binary", 2, 0.4),
            _row("free-pruning", "binary", 3, 0.4),
            _row("free-pruning", "he-normal", 1, 0.4, learning_rate=0.5),
        ]
    )
    found = relative(trials)
    # of he-normal; of the same weights, for want of he-normal; no such seed; no such recipe
    assert found["relative"].tolist() == pytest.approx([0.5, 0.8, math.nan, math.nan], nan_ok=True)
    assert found["own"].tolist() == [False, True, False, False]


def test_accuracy_against_changed(load):
    def close(trial):
        dense = trial.method == "dense"
        accuracy = 0.9 if dense else 0.85 + 0.02 * trial.seed
        return {"test_accuracy": accuracy, "changed": 0 if dense else 0.05 * trial.seed}

    drawing = figures.draw("accuracy_by_changed", load(close))
    (axes,) = _axes(drawing)
    mean = _of(axes, "free-pruning")[0]
    assert mean.get_xdata() == pytest.approx([10])
    assert mean.get_ydata() == pytest.approx([0.89 / 0.9 * 100])
    (seeds,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert sorted(seeds.get_xdata()) == pytest.approx([5, 10, 15])
    assert sorted(seeds.get_ydata()) == pytest.approx([87 / 0.9, 89 / 0.9, 91 / 0.9])
    (corner,) = axes.patches
    assert corner.get_bbox().x1 == pytest.approx(10)
    assert corner.get_bbox().y0 == 90
    assert axes.get_ylim()[0] < 90
    assert "100%: dense from he-normal weights." in drawing.note


def test_a_mean_far_below_is_marked_at_the_edge(load):
    def far(trial):
        return final(trial) | ({"test_accuracy": 0.1} if trial.method == "free-pruning" else {})

    drawing = figures.draw("accuracy_by_changed", load(far, method=["dense", *METHODS[1:3]]))
    (axes,) = _axes(drawing)
    assert axes.get_ylim()[0] >= 75
    (mark,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert mark.get_ydata()[0] == axes.get_ylim()[0]
    assert "1 of 2 means lie outside the view" in drawing.note


def test_densities_are_joined_in_one_panel(load):
    grids = [{"method": "dense"}, {"method": "edge-popup", "density": [0.9, 0.3, 0.6]}]

    def kept(trial):
        return {"test_accuracy": 0.9, "changed": 1 - trial.density if trial.density else 0}

    (axes,) = _axes(figures.draw("accuracy_by_changed", load(kept, grids=grids, method="dense")))
    assert max(axes.lines, key=lambda line: line.get_linestyle() == ":").get_xdata() == (
        pytest.approx([70, 40, 10])
    )


def test_without_dense_nothing_is_relative(load):
    with pytest.raises(NothingToDraw, match="dense partner"):
        figures.draw("accuracy_by_changed", load(method="free-pruning"))


def test_trials_without_a_partner_are_counted(load):
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "supermask", "learning_rate": 0.1}]
    drawing = figures.draw("accuracy_by_changed", load(grids=grids, method="dense"))
    assert "3 of 6 trials have no dense partner with the same recipe." in drawing.note


def test_signs_by_hand(load):
    signs = {"effective_negative": 100, "effective_zero": 100, "effective_positive": 50_000}
    results = load(lambda trial: final(trial) | {"layers": signs}, method="free-pruning")
    table = shares(results)
    before = table.query("moment == 'before'").set_index("sign")["mean"]
    assert before.to_dict() == pytest.approx({"negative": 0.5, "zero": 0, "positive": 0.5})
    after = table.query("moment == 'after'").set_index("sign")["mean"]
    assert after["zero"] == pytest.approx(300 / 50_200)  # three layers of 50,200 connections
    assert set(table["n"]) == {3}


def test_bars_of_signs_are_the_shares_side_by_side(load):
    (axes,) = _axes(figures.draw("signs", load()))
    bars = [patch for patch in axes.patches if patch.get_y() > 0.5]  # free-pruning is the second
    before, after = bars[:3], bars[3:]
    assert [bar.get_width() for bar in before] == pytest.approx([50, 0, 50])
    assert [bar.get_width() for bar in after] == pytest.approx([45, 10, 45])
    assert [bar.get_x() for bar in after] == pytest.approx([0, 45, 55])
    assert len({to_hex(bar.get_facecolor()) for bar in after}) == 3
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "dense  before",
        "after",
        "free-pruning  before",
        "after",
    ]


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


def test_histograms_are_drawn_in_percent_of_their_fate(load):
    drawing = figures.draw("weights_by_fate", load())
    (axes,) = _axes(drawing)
    kept, changed = (patch.get_data().values for patch in axes.patches)
    assert kept == pytest.approx(_bins(b3=75, b30=25))
    assert changed == pytest.approx(_bins(b3=100))
    assert axes.get_title() == "free-pruning: 20.0% changed"
    low, high = axes.get_xlim()
    assert -2 < low < -1.7 < 1 < high < 2  # from bin 3 to bin 30
    assert "largest layer (layer 1)" in drawing.note


def test_rows_are_settings_and_columns_methods(load):
    axes = {"method": list(METHODS), "weights": ["he-normal", "exponential"]}
    drawing = figures.draw("scores_by_fate", load(**axes))
    titles = [axes.get_title() for axes in _axes(drawing)]
    assert titles == 2 * [f"{name}: 20.0% changed" for name in METHODS[1:]]
    assert [one.get_ylabel() for one in _axes(drawing)][::4] == [
        "he-normal\nconnections (%)",
        "exponential\nconnections (%)",
    ]


def _constant(trial):
    ends = {"weights_kept": _bins(b0=3, b39=1), "weights_changed": _bins(b0=1)}
    fates = _fates(trial) | (ends if trial.weights == "he-constant" else {})
    return final(trial) | {"layers": fates}


def test_weights_of_one_magnitude_give_way_to_others(load):
    methods = ["free-pruning", "free-flipping"]
    both = load(_constant, method=methods, weights=["he-normal", "he-constant"])
    drawing = figures.draw("weights_by_fate", both)
    assert len(_axes(drawing)) == 2
    assert "Not shown: cells in which all values have one magnitude (2)." in drawing.note


def test_weights_of_one_magnitude_alone_are_shown(load):
    alone = figures.draw("weights_by_fate", load(_constant, weights="he-constant"))
    assert len(_axes(alone)) == 1
    assert "Not shown" not in alone.note


def test_many_settings_of_histograms_are_capped(load):
    axes = {"method": list(METHODS), "positive_fraction": [i / 10 for i in range(1, 9)]}
    drawing = figures.draw("weights_by_fate", load(seeds=1, **axes))
    assert len(_axes(drawing)) == 24
    assert "Only the first 6 of 8 rows are shown." in drawing.note


def test_older_results_have_no_histograms(results):
    with pytest.raises(NothingToDraw, match="recorded the weights"):
        figures.draw("weights_by_fate", results)
    with pytest.raises(NothingToDraw, match="recorded them"):
        figures.draw("scores_by_fate", results)


def test_categories_by_hand(load):
    def by_activation(trial):
        high = {"relu": 0.9, "tanh": 0.8}[trial.activation] + trial.seed / 100
        return {"test_accuracy": high, "changed": 0.1 * trial.seed}

    results = load(by_activation, activation=["tanh", "relu"])
    drawing = figures.draw("activations", results)
    left, right = _axes(drawing)
    assert [text.get_text() for text in left.get_yticklabels()] == ["tanh", "relu"]
    marks = _of(left, "free-pruning")
    assert [mark.get_xdata()[0] for mark in marks] == pytest.approx([82, 92])
    assert [round(mark.get_ydata()[0]) for mark in marks] == [0, 1]
    bars = _of(left, "free-pruning", marker=False)
    ends = interval([0.81, 0.82, 0.83])
    assert bars[0].get_xdata() == pytest.approx([ends.low * 100, ends.high * 100])
    points = [line for line in left.lines if line.get_alpha()]
    found = sorted(value for line in points for value in line.get_xdata())
    assert found == pytest.approx(sorted(results.trials["test_accuracy"] * 100))
    assert [mark.get_xdata()[0] for mark in _of(right, "free-pruning")] == pytest.approx([20, 20])
    assert not _of(right, "dense")


def test_a_category_at_chance_does_not_press_the_others(load):
    def far(trial):
        lost = trial.weights == "binary" and trial.method == "dense"
        accuracy = 0.1 if lost else 0.95 + trial.seed / 1000
        return {"test_accuracy": accuracy, "changed": 0.2}

    drawing = figures.draw("binary_weights", load(far, weights=["he-normal", "binary"]))
    left, _ = _axes(drawing)
    assert left.get_xlim()[0] > 80
    assert [text.get_text() for text in left.texts] == ["mean 10.0"]
    assert "Arrows at an edge: 3 of 18 points" in drawing.note  # 12 accuracies, 6 changed


def test_data_sets_are_compared_by_their_difference_to_dense(load):
    axes = {"dataset": ["digits", "mnist"]}
    _, right = _axes(figures.draw("data_sets", load(**axes)))
    assert right.get_xlabel() == "test accuracy minus dense (points)"
    marks = [mark.get_xdata()[0] for mark in _of(right, "free-pruning")]
    assert marks == pytest.approx([-10, -10])
    low, high = right.get_xlim()
    assert low < -10 < 0 < high


def test_data_sets_without_dense(load):
    drawing = figures.draw("data_sets", load(method="free-pruning", dataset=["digits", "mnist"]))
    assert _axes(drawing)[1].get_xlabel() == "changed connections (%)"


def test_dense_that_has_no_rescaling_is_a_line(load):
    drawing = figures.draw("rescaling", load(**STUDIES["rescaling"]))
    left, _ = _axes(drawing)
    (dashed,) = [line for line in left.lines if list(line.get_ydata()) == [0, 1]]
    assert dashed.get_xdata() == pytest.approx([95.2, 95.2])
    assert len(_of(left, "free-pruning")) == 2
    assert "Dashed: mean of dense, which has no rescaling." in drawing.note


@pytest.mark.parametrize("name", ["binary_weights", "activations", "data_sets"])
def test_settings_with_one_value_make_no_panel(load, name):
    ((field, values),) = STUDIES[name].items()
    grids = [{"network": "lenet-50", field: values}, {"network": "lenet-300-100"}]
    axes = {"weights": "binary"} if name == "binary_weights" else {}
    drawing = figures.draw(name, load(grids=grids, **axes))
    assert [one.get_title().split("\n")[0] for one in _axes(drawing)] == ["lenet-50", "lenet-50"]
