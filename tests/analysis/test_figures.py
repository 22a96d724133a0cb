"""What stands on the figures, read back from matplotlib's own objects."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis import figures
from analysis.drawing import MOST_PANELS, NothingToDraw, seeds, split
from analysis.drawing.curves import curves, top_view
from analysis.drawing.style import styles

#: Applies to studies that vary the density.
DENSITY = "accuracy_by_density"
#: Those that apply to any study, and have their cases below.
ALL = [
    "final_accuracy",
    "difference_to_dense",
    "accuracy_by_epoch",
    "changed_by_epoch",
    "changed_per_layer",
]


def _axes(drawing):
    return [axes for axes in drawing.figure.axes if axes.get_visible()]


def _texts(drawing):
    return " ".join(text.get_text().replace("\n", " ") for text in drawing.figure.texts)


def test_every_file_of_the_folder_is_a_figure():
    files = {path.stem for path in Path(figures.__file__).parent.glob("[a-z]*.py")}
    assert set(figures.names()) == files
    own = [name for name in figures.names() if name in {DENSITY, *ALL}]
    assert own == [DENSITY, *ALL]
    assert figures.names()[0] == "forest"


def test_the_list_of_figures_says_what_each_shows():
    text = (Path(figures.__file__).parent / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert listed == figures.names()


def test_a_new_file_is_a_new_figure(tmp_path, monkeypatch, results):
    source = "ORDER = 1\ndef draw(results):\n    from analysis.drawing import NothingToDraw\n"
    source += "    raise NothingToDraw(f'{len(results.trials)} trials.')\n"
    (tmp_path / "brand_new.py").write_text(source)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    assert figures.names()[:2] == ["brand_new", "forest"]
    with pytest.raises(NothingToDraw, match="6 trials"):
        figures.draw("brand_new", results)


@pytest.mark.parametrize("name", ALL)
def test_title_unit_and_seeds_stand_on_the_figure(results, name):
    drawing = figures.draw(name, results)
    said = _texts(drawing)
    assert drawing.title in said
    assert drawing.note in said
    assert "n = 3 seeds" in said
    assert "95% t interval" in said
    (axes,) = _axes(drawing)
    assert "(%)" in axes.get_xlabel() + axes.get_ylabel() or "(points)" in axes.get_xlabel()


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_off(study, record, name):
    axes = {"method": list(_METHODS), "weights": ["he-normal", "he-constant"]}
    drawing = figures.draw(name, analysis.load(record(study(margin=0.5, **axes))))
    figure = drawing.figure
    box = figure.bbox
    parts = [*figure.texts, *figure.legends, *(axes.title for axes in figure.axes)]
    for axes_ in figure.axes:
        parts += [axes_.xaxis.label, axes_.yaxis.label, *axes_.get_yticklabels()]
    extents = [part.get_window_extent() for part in parts if part.get_visible()]
    shown = [extent for extent in extents if extent.width > 0]
    assert len(shown) > 5
    for extent in shown:
        assert extent.x0 >= box.x0 - 1
        assert extent.x1 <= box.x1 + 1
        assert extent.y0 >= box.y0 - 1
        assert extent.y1 <= box.y1 + 1


_METHODS = ("dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")


def test_the_colour_of_a_method_is_the_same_everywhere(study, record):
    results = analysis.load(record(study(method=[*_METHODS, "zebra", "edge-popup"])))
    expected = {
        name: style.colour for name, style in styles([*_METHODS, "edge-popup", "zebra"]).items()
    }
    assert len(set(expected.values())) == 7
    for name in ("accuracy_by_epoch", "changed_by_epoch", "changed_per_layer"):
        handles = figures.draw(name, results).figure.legends[0].legend_handles
        drawn = {handle.get_label(): handle.get_color() for handle in handles}
        assert len(drawn) >= 6
        assert drawn.items() <= expected.items()


def test_curve_and_band_are_the_estimates(results):
    drawing = figures.draw("changed_by_epoch", results)
    (axes,) = _axes(drawing)
    table = curves(results, "changed").query("method == 'free-pruning'")
    (line,) = axes.lines
    assert line.get_ydata() == pytest.approx(table["mean"].to_numpy() * 100)
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(table["high"].max() * 100)


def test_accuracy_leaves_out_epoch_zero_and_shows_the_ends(results):
    drawing = figures.draw("accuracy_by_epoch", results)
    (axes,) = _axes(drawing)
    low, high = axes.get_ylim()
    for line in axes.lines:
        assert min(line.get_xdata()) == 1
        assert low < line.get_ydata()[-1] < high
    assert "Epoch 0 (before training, near chance) is not shown" in drawing.note


def test_view_of_the_top_by_hand(study, record):
    def final(trial):
        return {"test_accuracy": 0.98 if trial.method == "dense" else 0.95, "changed": 0.1}

    results = analysis.load(record(study(epochs=8), final))
    table = curves(results, "test_accuracy").query("epoch > 0")
    # ends at 98 and 95, so three points below the lower one; the first epoch is at 54
    assert top_view(table) == pytest.approx((92, 98))


def test_wide_bands_of_two_seeds_do_not_widen_the_view(study, record):
    def final(trial):
        return {"test_accuracy": 0.9 + 0.05 * trial.seed, "changed": 0.1}

    results = analysis.load(record(study(epochs=8, seeds=2), final))
    table = curves(results, "test_accuracy").query("epoch > 0")
    assert table["high"].max() > 1.2
    assert top_view(table) == pytest.approx((95.5, 100))  # all means end at 97.5


def test_points_and_mean_of_the_differences(study, record):
    def final(trial):
        return {"test_accuracy": 0.9 + (trial.method != "dense") * trial.seed / 100, "changed": 0.1}

    drawing = figures.draw("difference_to_dense", analysis.load(record(study(margin=0.5), final)))
    (axes,) = _axes(drawing)
    (points,) = axes.collections
    assert sorted(points.get_offsets()[:, 0]) == pytest.approx([1, 2, 3])
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "s"]
    assert marks == pytest.approx([2])
    zone = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (zone.x0, zone.x1) == pytest.approx((-0.5, 0.5))
    assert "±0.5 points" in drawing.note


def _by_marker(axes, marker):
    return [line.get_xdata()[0] for line in axes.lines if line.get_marker() == marker]


@pytest.fixture
def far_off(study, record):
    """Of free pruning and flipping one of twenty seeds is 30 points off, below and above."""

    def final(trial):
        far = {"free-pruning": -0.3, "free-flipping": 0.3}.get(trial.method, 0.0)
        accuracy = 0.65 + trial.seed / 2000 + far * (trial.seed == 20)
        return {"test_accuracy": accuracy, "changed": 0.3}

    methods = ["dense", "free-pruning", "free-flipping"]
    return analysis.load(record(study(method=methods, seeds=20, epochs=1), final))


@pytest.mark.parametrize("name", ["final_accuracy", "difference_to_dense"])
def test_seeds_outside_the_view_are_marked_and_counted(far_off, name):
    drawing = figures.draw(name, far_off)
    (axes,) = _axes(drawing)
    low, high = axes.get_xlim()
    assert high - low < 15
    assert set(_by_marker(axes, "<")) == {low}
    assert set(_by_marker(axes, ">")) == {high}
    of = 60 if name == "final_accuracy" else 40
    assert f"Arrows at an edge: 2 of {of} points" in drawing.note
    assert "equal" not in drawing.note
    points = np.concatenate([each.get_offsets()[:, 0] for each in axes.collections])
    assert len(points) == of - 2
    assert low < points.min() <= points.max() < high


def test_a_mean_outside_is_written_apart_from_its_bar(study, record):
    def final(trial):
        lost = trial.method == "free-pruning"
        accuracy = 0.1 + (trial.seed == 3) if lost else 0.96 + trial.seed / 1000
        return {
            "test_accuracy": accuracy,
            "changed": 0.3,
            "outcome": "dead" if lost else "completed",
        }

    methods = ["dense", "free-pruning", "free-flipping"]
    drawing = figures.draw("final_accuracy", analysis.load(record(study(method=methods), final)))
    (axes,) = _axes(drawing)
    (text,) = axes.texts
    assert "mean 43.3" in text.get_text()
    across, right = axes.get_xlim()
    (bar,) = [line for line in axes.lines if list(line.get_xdata()) == [across, right]]
    box, line = text.get_window_extent(), bar.get_window_extent()
    assert box.y1 < line.y0  # below it, by more than half the line's width
    assert "4 of 9 points" not in drawing.note
    assert "and 2 ends of bars lie outside" in drawing.note


def test_equal_seeds_are_said(study, record):
    def final(trial):
        varied = trial.method == "free-flipping"
        return {"test_accuracy": 0.9 + 0.01 * trial.seed * varied, "changed": 0.3}

    methods = ["dense", "free-pruning", "free-flipping"]
    results = analysis.load(record(study(method=methods), final))
    for name, equal in (("final_accuracy", 2), ("difference_to_dense", 1)):
        drawing = figures.draw(name, results)
        (axes,) = _axes(drawing)
        assert [text.get_text() for text in axes.texts] == ["3 equal"] * equal
        assert "all n seeds have the same value" in drawing.note


def test_differences_of_more_than_a_point_are_in_the_view(study, record):
    def final(trial):
        lost = 0.03 * (trial.method == "minimal-pruning")
        return {"test_accuracy": 0.9 + trial.seed / 1000 - lost, "changed": 0.1}

    methods = ["dense", "free-pruning", "minimal-pruning"]
    drawing = figures.draw(
        "difference_to_dense", analysis.load(record(study(method=methods), final))
    )
    assert _axes(drawing)[0].get_xlim()[0] < -3
    assert "outside" not in drawing.note


def test_no_margin_no_zone(study, record):
    drawing = figures.draw("difference_to_dense", analysis.load(record(study())))
    assert not _axes(drawing)[0].patches
    assert "margin" not in drawing.note


@pytest.mark.parametrize("name", ALL)
def test_one_seed_says_so(study, record, name):
    drawing = figures.draw(name, analysis.load(record(study(seeds=1))))
    assert "n = 1 seed: single trials" in drawing.note


def test_no_dense(study, record):
    results = analysis.load(record(study(method=["free-pruning", "free-flipping"])))
    with pytest.raises(NothingToDraw, match="dense"):
        figures.draw("difference_to_dense", results)
    assert "no dense training" in figures.draw("final_accuracy", results).note
    assert "dense" not in figures.draw("changed_by_epoch", results).note


def test_only_dense(study, record):
    results = analysis.load(record(study(method="dense")))
    for name in ("changed_by_epoch", "changed_per_layer", "difference_to_dense"):
        with pytest.raises(NothingToDraw):
            figures.draw(name, results)
    assert len(_axes(figures.draw("final_accuracy", results))) == 1


def test_many_settings_are_capped_and_it_is_said(study, record):
    fractions = [i / 20 for i in range(1, 18)]
    results = analysis.load(record(study(positive_fraction=fractions, seeds=2, epochs=1)))
    drawing = figures.draw("final_accuracy", results)
    assert len(_axes(drawing)) == MOST_PANELS == 12
    assert "Only the first 12 of 17 panels are shown." in _texts(drawing)
    assert [axes.get_title() for axes in _axes(drawing)][:2] == [
        "positive fraction 0.05",
        "positive fraction 0.1",
    ]


def test_diverged_trials_without_accuracy(study, record):
    def final(trial):
        lost = trial.method == "free-pruning" and trial.seed == 2
        accuracy = math.nan if lost else 0.9 + trial.seed / 1000
        return {
            "test_accuracy": accuracy,
            "changed": 0.3,
            "outcome": "diverged" if lost else "completed",
        }

    results = analysis.load(record(study(), final))
    drawing = figures.draw("final_accuracy", results)
    assert "Of 6 trials: 1 diverged, 1 without a recorded accuracy" in drawing.note
    assert "n = 2 to 3 seeds" in drawing.note
    assert "n = 2 to 3 seeds" in figures.draw("accuracy_by_epoch", results).note


def test_trials_at_chance_do_not_press_the_others_together(study, record):
    def final(trial):
        lost = trial.method == "free-pruning"
        accuracy = 0.1 if lost else 0.96 + trial.seed / 1000
        return {
            "test_accuracy": accuracy,
            "changed": 0.3,
            "outcome": "dead" if lost else "completed",
        }

    methods = ["dense", "free-pruning", "free-flipping"]
    results = analysis.load(record(study(method=methods), final))
    drawing = figures.draw("final_accuracy", results)
    (axes,) = _axes(drawing)
    assert axes.get_xlim()[0] > 90
    assert [text.get_text().strip() for text in axes.texts] == ["\N{LEFTWARDS ARROW} mean 10.0"]
    assert "3 dead" in drawing.note
    drawing = figures.draw("accuracy_by_epoch", results)
    assert _axes(drawing)[0].get_ylim()[0] > 90
    assert "1 of 3 lines stay below it throughout" in drawing.note
    (axes,) = _axes(figures.draw("difference_to_dense", results))
    assert axes.get_xlim()[0] > -1
    assert "mean \N{MINUS SIGN}86.2" in axes.texts[0].get_text()


def test_nothing_but_nan(study, record):
    nan = {"test_accuracy": math.nan, "changed": 0.3, "outcome": "diverged"}
    results = analysis.load(record(study(), lambda trial: nan))
    for name in ("final_accuracy", "difference_to_dense", "accuracy_by_epoch"):
        with pytest.raises(NothingToDraw):
            figures.draw(name, results)


def test_no_epochs(study, record):
    results = analysis.load(record(study(epochs=0)))
    with pytest.raises(NothingToDraw, match="first epoch"):
        figures.draw("accuracy_by_epoch", results)
    assert len(_axes(figures.draw("changed_by_epoch", results))) == 1


def test_networks_keep_their_own_layers(study, record, monkeypatch):
    results = analysis.load(record(study(network=["lenet-300-100", "lenet-50"])))
    results.query("FROM layers WHERE NOT (network = 'lenet-50' AND layer = 2)").create_view("less")
    lacking = results.query("FROM less")
    results = dataclasses.replace(results, layers=lacking)
    monkeypatch.setattr(type(results), "final_layers", lacking.filter("epoch = 3"))
    three, two = _axes(figures.draw("changed_per_layer", results))
    assert np.array_equal(three.get_xticks(), [0, 1, 2])
    assert np.array_equal(two.get_xticks(), [0, 1])


def test_sentence_on_seeds():
    assert seeds([], "bar") == "No trial with a recorded value."
    assert seeds([1, 1], "bar") == "n = 1 seed: single trials, no bar."
    assert seeds([5, 5], "band") == "Mean over n = 5 seeds; band: 95% t interval of the mean."
    assert "n = 1 to 3 seeds" in seeds([1, 3], "bar")
    assert "none where n = 1" in seeds([1, 3], "bar")


@pytest.fixture
def densities(study, record):
    """Free pruning and edge-popup at two densities, with accuracies by hand: no seed differs."""
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "edge-popup", "density": [0.3, 0.7]}]
    accuracies = {"dense": 0.97, "free-pruning": 0.96, "edge-popup": 0.9}

    def final(trial):
        return {"test_accuracy": accuracies[trial.method] + 0.1 * trial.density, "changed": 0.2}

    return analysis.load(record(study(method="dense", grids=grids), final))


def test_accuracy_against_density(densities):
    drawing = figures.draw(DENSITY, densities)
    (axes,) = _axes(drawing)
    levels = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert sorted(line.get_ydata()[0] for line in levels) == pytest.approx([96, 97])
    lines = [line for line in axes.lines if line.get_linestyle() != "None"]  # no caps of bars
    (curve,) = [line for line in lines if list(line.get_xdata()) == [0.3, 0.7]]
    assert list(curve.get_ydata()) == pytest.approx([93, 97])
    assert "n = 3 seeds" in drawing.note
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("density", "test accuracy (%)")


def test_accuracy_against_density_has_a_panel_per_setting(study, record):
    grids = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.7]}]
    loaded = analysis.load(record(study(weights=["he-normal", "he-constant"], grids=grids)))
    titles = [axes.get_title() for axes in _axes(figures.draw(DENSITY, loaded))]
    assert titles == ["he-normal", "he-constant"]


def test_without_densities_there_is_no_such_figure(results):
    with pytest.raises(NothingToDraw, match="several densities"):
        figures.draw(DENSITY, results)


def test_methods_without_a_density_are_beside_each_density(densities):
    panels = split(densities, densities.trials)
    assert [panel.title for panel in panels] == ["density 0.3", "density 0.7"]
    for panel in panels:
        assert set(panel.rows["method"]) == {"dense", "free-pruning", "edge-popup"}
        assert len(panel.rows) == 9
    assert len(split(densities, densities.trials[:0])) == 0


def test_a_recipe_of_a_methods_own_makes_no_panel(study, record):
    grids = [{"method": "dense"}, {"method": "supermask", "learning_rate": 0.1}]
    loaded = analysis.load(record(study(weights=["he-normal", "he-constant"], grids=grids)))
    titles = [panel.title for panel in split(loaded, loaded.trials)]
    assert titles == ["he-normal", "he-constant"]
