"""The figures on thresholds, tuning, cost and size: their summaries, by hand."""

import dataclasses
import math

import duckdb
import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.drawing.heat import scale
from analysis.drawing.style import ON_DARK, ON_LIGHT
from analysis.estimates.costs import comparable, epoch_seconds, quartiles
from analysis.estimates.defaults import gains, sweep
from analysis.estimates.regret import regrets
from analysis.estimates.tuning import expected_at_best
from studies.trial import Trial

ALL = ["regret_by_density", "hidden_threshold", "tuning", "resnet", "widths", "cost"]
METHODS = ["dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"]


def _line(side, method):
    return next(line for line in side.lines if line.method == method)


def _marks(side):
    return {mark.method: mark for slot in side.slots for mark in slot.marks}


@pytest.fixture
def asked(study):
    """A study that a figure applies to, by the figure's name; more seeds or margin if given."""

    def make(name, **given):
        given = {"margin": 0.5, **given}
        free = {"method": METHODS[:3], "weights": ["he-normal", "he-constant"]}
        density = {"method": "edge-popup", "density": [0.3, 0.5, 0.7]}
        if name in ("regret_by_density", "tuning"):
            return study(weights=["he-normal", "he-constant"], grids=[free, density], **given)
        if name == "hidden_threshold":
            grids = [
                {"method": METHODS[1:3], "learning_rate": [1.25e-4, 1e-3, 8e-3]},
                {"method": METHODS[1:3], "score_offset": [0.0, 0.5]},
                {"method": METHODS[3:], "width": [0.5, 1, 2], "penalty": [0.25, 1, 4]},
            ]
            return study(grids=grids, **given)
        axes = {"resnet": {"network": "resnet8"}, "widths": {"width": [0.5, 1, 2]}}.get(name, {})
        return study(method=METHODS, weights=["he-normal", "he-constant"], **axes, **given)

    return make


@pytest.fixture
def shown(asked, record):
    """What a figure shows of a study that it applies to."""

    def summarise(name, **given):
        study = asked(name, **given)
        if name == "tuning":
            study = study.model_copy(update={"tuning_seeds": [101, 102, 103][: study.seeds]})
        return figures.summarise(name, analysis.load(record(study)))

    return summarise


@pytest.mark.parametrize("name", ALL)
def test_title_unit_and_seeds_stand_on_the_figure_and_nothing_is_cut_off(
    shown, name, inside_figure
):
    drawing = figures.render(name, shown(name))
    inside_figure(drawing)
    stated = " ".join(text.get_text().replace("\n", " ") for text in drawing.figure.texts)
    assert drawing.title in stated
    assert drawing.note in stated
    assert "n = 3" in stated or "Times of 30 trials" in stated
    units = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in drawing.figure.axes)
    assert "(%)" in units or "points" in units or "(s)" in units or name == "hidden_threshold"


@pytest.mark.parametrize("name", ALL)
def test_one_seed(shown, name):
    note = shown(name, seeds=1).note
    assert "n = 1 seed: single trials" in note or "n = 1 tuning seed per" in note or name == "cost"


@pytest.mark.parametrize("name", ALL)
def test_what_has_no_such_trials_has_no_such_figure(study, record, name):
    results = analysis.load(record(study(method="free-pruning")))
    with pytest.raises(NothingToDraw, match=r"^No .*\.$"):
        figures.summarise(name, results)


def test_no_trial_at_all(asked, record):
    for name in ALL:
        results = analysis.load(record(asked(name), only=lambda trial: False))
        with pytest.raises(NothingToDraw):
            figures.summarise(name, results)


# The regret of a density.


def _density_trials():
    values = {("edge-popup", 0.3): (0.90, 0.92), ("edge-popup", 0.5): (0.94, 0.95)}
    values |= {("free-pruning", 0.0): (0.95, 0.95), ("dense", 0.0): (0.99, 0.99)}
    return pd.DataFrame(
        [
            {"method": method, "density": density, "seed": seed, "test_accuracy": accuracy}
            for (method, density), both in values.items()
            for seed, accuracy in enumerate(both, 1)
        ]
    )


def test_regrets_are_paired_by_seed():
    found = regrets(_density_trials(), "edge-popup")
    assert found.best == 0.5
    assert found.curve["density"].tolist() == [0.3, 0.5]
    assert found.curve["mean"].tolist() == pytest.approx([0.035, 0])
    # differences 0.04 and 0.03: half-width t(0.975, 1) * 0.01 / 2
    assert found.curve["high"].iloc[0] - 0.035 == pytest.approx(12.7062 * 0.005, rel=1e-4)
    assert math.isnan(found.curve["high"].iloc[1])
    (level,) = found.levels.itertuples()
    assert (level.method, level.n) == ("free-pruning", 2)
    assert level.mean == pytest.approx(-0.005)


def test_of_two_equally_good_densities_the_lower_is_the_best():
    trials = _density_trials().query("method == 'edge-popup'").assign(test_accuracy=0.9)
    assert regrets(trials, "edge-popup").best == 0.3


def test_regrets_on_the_figure(study, record):
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "edge-popup", "density": [0.3, 0.7]}]
    accuracies = {"dense": 0.99, "free-pruning": 0.94, "edge-popup": 0.845}

    def final(trial):
        return {"test_accuracy": accuracies[trial.method] + 0.15 * trial.density, "changed": 0.2}

    summary = figures.summarise(
        "regret_by_density", analysis.load(record(study(margin=0.5, grids=grids), final))
    )
    (panel,) = summary.panels
    assert panel.title == "edge-popup"
    (side,) = panel.sides
    (curve,) = side.lines
    assert curve.values == (0.3, 0.7)
    assert [mark.mean for mark in curve.marks] == pytest.approx([6, 0])
    assert curve.best == 0.7
    # free pruning; no dense
    assert {mark.method: mark.mean for mark in side.beside} == pytest.approx({"free-pruning": 1})
    assert side.zone == (-0.5, 0.5)
    assert "winner's curse" in summary.note


def test_no_panel_of_regrets_is_alone_in_its_row(shown):
    summary = shown("regret_by_density", seeds=1)
    assert len(summary.panels) == 2
    four = summary.panels * 2
    drawing = figures.render("regret_by_density", dataclasses.replace(summary, panels=four))
    places = [axes.get_subplotspec() for axes in drawing.figure.axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]


# Off the defaults.


def test_gains_by_hand():
    rows = pd.DataFrame(
        {
            "method": "free-pruning",
            "density": 0.0,
            "seed": [1, 2, 1, 2],
            "score_offset": [0.0, 0.0, 0.5, 0.5],
            "test_accuracy": [0.90, 0.92, 0.93, 0.93],
        }
    )
    table = gains(rows, "score_offset", ["method"]).set_index("score_offset")
    assert table["mean"].tolist() == pytest.approx([0, 0.02])
    assert table.loc[0.5, "high"] - 0.02 == pytest.approx(12.7062 * 0.01, rel=1e-4)
    assert math.isnan(table.loc[0.0, "high"])


def test_a_sweep_is_one_field_off_its_default(asked, record):
    results = analysis.load(record(asked("hidden_threshold")))
    rates = sweep(results.trials, "learning_rate")
    assert set(rates["method"]) == {"free-pruning", "free-flipping"}
    assert set(rates["score_offset"]) == {0.0}
    assert set(sweep(results.trials, "penalty")["method"]) == {
        "minimal-pruning",
        "minimal-flipping",
    }
    assert sweep(results.trials, "adam_epsilon").empty


def test_no_threshold_hides_in_dense_training():
    about = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "seed": 1}
    trials = [
        Trial(**about, epochs=1, method=method, learning_rate=rate)
        for method in ("dense", "free-pruning")
        for rate in (1e-3, 2e-3)
    ]
    rows = pd.DataFrame([trial.values() for trial in trials]).assign(test_accuracy=0.9)
    rates = sweep(rows, "learning_rate")
    assert rates["method"].tolist() == ["free-pruning"] * 2


def test_heat_maps(asked, record):
    def final(trial):
        accuracy = 0.9 + 0.01 * trial.width  # more at a greater width, at every penalty
        accuracy -= 0.02 * (trial.penalty == 4) + 0.05 * (trial.learning_rate == 8e-3)
        return {"test_accuracy": accuracy, "changed": 0.1}

    summary = figures.summarise(
        "hidden_threshold", analysis.load(record(asked("hidden_threshold"), final))
    )
    rate, offset, pruning, flipping = summary.maps
    assert np.array(rate.means) == pytest.approx(np.array([[0, 0, -5]] * 2), abs=1e-9)
    assert rate.columns == ("1.25e-4", "0.001", "0.008")
    assert rate.rows == tuple(METHODS[1:3])
    assert (rate.framed, offset.framed) == (1, 0)
    for one in (pruning, flipping):
        assert np.array(one.means) == pytest.approx(np.array([[0, 0, -2]] * 3), abs=1e-9)
        assert (one.across, one.down) == ("penalty", "width")
    axes = figures.render("hidden_threshold", summary).figure.axes[2]
    texts = [text.get_text().splitlines()[0] for text in axes.texts]
    assert texts == ["0.00", "0.00", "−2.00"] * 3  # noqa: RUF001  (a true minus sign)


def test_one_cell_far_off_does_not_wash_out_the_colours():
    values = [0.0] * 10 + [0.5, -2.0] * 5 + [-80.0, math.nan]
    assert -3 < scale(values).norm.vmin < -1.9
    assert scale([0.0, 0.1]).norm.vmax == 1


def test_numbers_are_legible_on_their_colour(shown):
    drawing = figures.render("hidden_threshold", shown("hidden_threshold"))
    for axes in (axes for axes in drawing.figure.axes if axes.texts):
        cells = {
            (patch.get_x() + 0.5, patch.get_y() + 0.5): patch.get_facecolor()[:3]
            for patch in axes.patches
            if patch.get_fill()
        }
        assert cells
        for text in axes.texts:
            bright = np.dot(cells[text.get_position()], [0.2126, 0.7152, 0.0722])
            assert text.get_color() == (ON_DARK if bright < 0.45 else ON_LIGHT)


# Tuning.


def test_expected_best_by_hand():
    # of three values two are tried: the pairs' maxima are 2, 3, 3
    assert expected_at_best([3, 1, 2], [3, 1, 2]) == pytest.approx([2, 8 / 3, 3])
    assert expected_at_best([0.9], [0.9]) == pytest.approx([0.9])
    assert expected_at_best([1, 1], [1, 1]) == pytest.approx([1, 1])


def test_expected_best_is_that_of_all_orders():
    values = np.random.default_rng(1).normal(size=5)
    orders = np.random.default_rng(2).permuted(np.tile(values, (20_000, 1)), axis=1)
    running = np.maximum.accumulate(orders, axis=1).mean(axis=0)
    assert expected_at_best(values, values) == pytest.approx(running, abs=0.02)


def test_tuning_on_the_figure(study, record):
    grids = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.5, 0.7]}]
    asked = study(seeds=1, grids=grids).model_copy(update={"tuning_seeds": [101, 102]})

    def final(trial):
        if trial.seed == 1:
            return {"test_accuracy": 0.1, "changed": 0.5}  # not shown
        accuracy = 0.95 if trial.method == "free-pruning" else 0.9 + trial.density / 10
        return {"test_accuracy": accuracy, "changed": 0.5}

    summary = figures.summarise("tuning", analysis.load(record(asked, final)))
    ((_, gains_of),) = summary.panels
    pruning, popup = gains_of
    assert popup.trainings == (2, 4, 6)
    assert popup.best == pytest.approx((95, 95 + 4 / 3, 97))
    assert (pruning.trainings, pruning.best) == ((2,), (pytest.approx(95),))
    assert "n = 2 tuning seeds" in summary.note
    assert "Tuned: density." in summary.note


def test_recipes_are_tuned_within_their_panel(study, record):
    asked = study(weights=["he-normal", "he-constant"], learning_rate=[1e-3, 3e-3])
    asked = asked.model_copy(update={"tuning_seeds": [101]})
    summary = figures.summarise("tuning", analysis.load(record(asked)))
    assert [title for title, _ in summary.panels] == ["he-normal", "he-constant"]
    assert "Tuned: learning rate." in summary.note


def test_a_failing_rate_leaves_room_for_what_tuning_gains(study, record):
    asked = study(method=["dense", "free-pruning"], learning_rate=[1e-3, 3e-3, 3e-2])
    asked = asked.model_copy(update={"tuning_seeds": [101]})

    def final(trial):
        fails = trial.method == "dense" and trial.learning_rate == 3e-2
        return {"test_accuracy": 0.1 if fails else 0.98 - trial.learning_rate, "changed": 0.5}

    summary = figures.summarise("tuning", analysis.load(record(asked, final)))
    assert summary.view == pytest.approx((97.9 - 2 - 0.12, 97.9 + 0.12))
    assert "Begins below the axis: dense." in summary.note  # at a mean of 68.5%


# Residual networks.


def test_the_best_epoch_is_optimistic(study, record):
    def final(trial):  # grows to 0.55 in epoch 1, 0.775 in epoch 2 if it ends with 1.0
        return {"test_accuracy": 0.06 if trial.method == "free-pruning" else 1.0, "changed": 0.2}

    summary = figures.summarise("resnet", analysis.load(record(study(network="resnet8"), final)))
    last, best = summary.panels[0].sides
    # before training 10%; epochs 1 to 3: 8, 7 and 6%
    assert _marks(last)["free-pruning"].mean == pytest.approx(6)
    assert _marks(best)["free-pruning"].mean == pytest.approx(8)
    assert [slot.aside for slot in best.slots] == ["0.0", "+2.0"]
    assert "OPTIMISTIC" in best.title
    assert (last.is_tinted, best.is_tinted) == (False, True)
    assert "favours methods whose accuracy varies most" in summary.note


def test_other_networks_are_no_residual_ones(study, record):
    results = analysis.load(record(study(network=["lenet-300-100", "resnet8"], epochs=1)))
    assert [panel.title for panel in figures.summarise("resnet", results).panels] == ["resnet8"]


# Width and training length.


def test_lines_over_widths(study, record):
    def final(trial):
        return {"test_accuracy": 0.9 + trial.width / 100, "changed": 0.4 / trial.width}

    results = analysis.load(record(study(width=[1, 2, 4], epochs=[1, 2]), final))
    panels = figures.summarise("widths", results).panels
    assert [panel.title for panel in panels] == ["1 epoch", "2 epochs"]
    accuracy, changed = panels[0].sides
    assert (accuracy.title, changed.title) == ("test accuracy", "connections pruned or flipped")
    line = _line(accuracy, "free-pruning")
    assert line.values == (1, 2, 4)
    assert [mark.mean for mark in line.marks] == pytest.approx([91, 92, 94])
    assert [m.mean for m in _line(changed, "free-pruning").marks] == pytest.approx([40, 20, 10])
    assert [line.method for line in changed.lines] == ["free-pruning"]
    assert list(panels[0].ticks.values()) == ["1", "2", "4"]


def test_lines_over_epochs_where_only_these_vary(study, record):
    (panel,) = figures.summarise("widths", analysis.load(record(study(epochs=[2, 4, 8])))).panels
    assert "epochs" in panel.across
    assert _line(panel.sides[0], "free-pruning").values == (2, 4, 8)


def test_methods_that_vary_other_fields_have_no_line(asked, record):
    summary = figures.summarise("widths", analysis.load(record(asked("hidden_threshold"))))
    assert list(summary.styles) == ["minimal-pruning", "minimal-flipping"]
    assert [panel.title for panel in summary.panels] == ["penalty 0.25", "penalty 1", "penalty 4"]


# Cost.


def _timed(**changes):
    trial = {
        "method": "dense",
        "epoch_seconds": 1.0,
        "engine": "mlp",
        "device": "cpu",
        "threads": 1,
        "tf32": None,
        "pack_size": 1,
        "versions": "torch 2",
        "host": "one",
    }
    return dict.fromkeys(analysis.cells.CELL, 0) | trial | changes


def test_costs_are_compared_under_like_conditions():
    free = {"method": "free-pruning"}
    trials = pd.DataFrame(
        [
            _timed(),
            _timed(epoch_seconds=2.0),
            _timed(epoch_seconds=9.0),  # something else ran on the machine
            _timed(epoch_seconds=50.0, host="two"),
            _timed(epoch_seconds=9.0, engine="leaf"),
            _timed(**free, epoch_seconds=2.2),
            _timed(**free, epoch_seconds=60.0, host="two"),
            _timed(**free, host="three"),  # where dense never ran
            *[_timed(**free, engine="graph")] * 7,  # the most, but dense never ran so
            _timed(**free, width=2),  # no dense of this width
        ]
    )
    kept = comparable(trials)
    found = kept[kept["method"] == "free-pruning"]
    # 2.2 over the median of 1, 2 and 9; 60 over 50
    assert found["epoch_ratio"].tolist() == pytest.approx([1.1, 1.2])
    assert len(kept) == 6


def test_median_of_the_epochs_without_the_untrained_one():
    rows = pd.DataFrame(
        {"attempt": "a", "epoch": [0, 1, 2, 3], "train_seconds": [99.0, 2.0, 3.0, 70.0]}
    )
    (found,) = epoch_seconds(duckdb.from_df(rows)).itertuples()
    assert (found.attempt, found.epoch_seconds) == ("a", 3.0)


def test_quartiles_with_trials_that_never_get_there():
    rows = pd.DataFrame({"method": "dense", "s": [1.0, 2.0, 3.0, math.inf]})
    (found,) = quartiles(rows, ["method"], "s").itertuples()
    assert (found.low, found.mean, found.high, found.n) == (1, 2, 3, 4)
    rows = pd.DataFrame({"method": "dense", "s": [1.0, math.inf, math.inf]})
    assert math.isinf(quartiles(rows, ["method"], "s")["mean"].iloc[0])


def test_cost_on_the_figure(study, record):
    def final(trial):
        # epochs 1, 2, 3 of dense: 50, 70, 90%; 95% of 90% is reached in the third
        accuracy = {"dense": 0.9, "free-pruning": 0.86, "free-flipping": 0.5}[trial.method]
        return {"test_accuracy": accuracy, "changed": 0.2}

    summary = figures.summarise("cost", analysis.load(record(study(method=METHODS[:3]), final)))
    epoch, whole = summary.panels[0].sides
    assert _marks(epoch)["free-pruning"].mean == pytest.approx(1)  # every epoch takes 0.5 s
    assert _marks(whole)["free-pruning"].mean == pytest.approx(1.5)
    assert epoch.guides == ((1.0, "zero"), (1.15, "bound"))
    assert "accuracy of 85.5%" in whole.title
    flipping = next(slot for slot in whole.slots if slot.label == "free-flipping")
    assert flipping.aside == "3 of 3 never"
    assert math.isnan(flipping.marks[0].mean)
    assert "3 trials never reached it and counted as later than all others." in summary.note
    assert "while other trials ran" in summary.note


def test_cost_needs_dense(study, record):
    results = analysis.load(record(study(method=["free-pruning", "free-flipping"])))
    with pytest.raises(NothingToDraw, match="dense"):
        figures.summarise("cost", results)


def test_the_note_on_hidden_thresholds_speaks_of_what_is_drawn(study, record, record_in, tmp_path):
    """The rate is tuned for another method, and another method's trials diverge."""
    grids = [
        {"method": METHODS[1:3], "score_offset": [0.0, 0.5]},
        {
            "method": "edge-popup",
            "density": 0.5,
            "learning_rate": [1e-3, 3e-3],
            "tuned": "learning_rate",
        },
    ]

    def outcome(trial):
        ended = "diverged" if trial.method == "edge-popup" else "completed"
        return {"test_accuracy": 0.9, "changed": 0.1, "outcome": ended}

    given = study(grids=grids, margin=0.5, tuning_seeds=[101, 102, 103])
    note = figures.summarise("hidden_threshold", analysis.load(record(given, outcome))).note
    assert "tuned" not in note
    assert "diverged" not in note
    offset = {"grids": [grids[0]], "margin": 0.5}
    dead = record_in(tmp_path / "dead", study(**offset), lambda t: outcome(t) | {"outcome": "dead"})
    alone = analysis.load(dead)
    assert "dead" in figures.summarise("hidden_threshold", alone).note
