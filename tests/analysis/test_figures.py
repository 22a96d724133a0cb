"""What the figures of any study show: their summaries, and what stands on them when drawn."""

import importlib
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import analysis
import analysis.questions
from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import arm_panels, chosen_arms, one_arm_each
from analysis.drawing.curves import curves, top_view
from analysis.drawing.notes import seeds
from analysis.drawing.panels import MOST_PANELS
from analysis.drawing.style import styles
from studies import components
from studies.components import left_out
from studies.errors import UserError

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
_METHODS = ("dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")


def _axes(drawing):
    return [axes for axes in drawing.figure.axes if axes.get_visible()]


def _texts(drawing):
    return " ".join(text.get_text().replace("\n", " ") for text in drawing.figure.texts)


def _marks(rows):
    """The marks of the only panel of a figure with rows, by the label of their row."""
    (panel,) = rows.panels
    return {slot.label: slot.marks[0] for slot in panel.sides[0].slots}


# How figures are found.


def test_every_file_of_the_folders_is_a_figure():
    files = {
        path.stem
        for package in (figures, analysis.questions)
        for path in Path(package.__file__).parent.glob("[a-z]*.py")
    }
    assert set(figures.names()) == files
    own = [name for name in figures.names() if name in {DENSITY, *ALL}]
    assert own == [DENSITY, *ALL]
    assert figures.names()[0] == "forest"


def test_the_list_of_figures_says_what_each_shows():
    text = (Path(figures.__file__).parent / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert listed == figures.names()


SOURCE = """
from analysis.drawing import Drawing, NothingToDraw
{declared}
def summarise(results):
    if len(results.trials) > 6:
        raise NothingToDraw(f"{{len(results.trials)}} trials.")
    return len(results.trials)
def draw(summary):
    from matplotlib.figure import Figure
    figure = Figure()
    figure.text(0, 0, summary)
    return Drawing(figure, "New", "A figure.", "")
"""


def test_a_new_file_is_a_new_figure(tmp_path, monkeypatch, results):
    (tmp_path / "brand_new.py").write_text(SOURCE.format(declared="ORDER = 1"))
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    assert figures.names()[:2] == ["brand_new", "forest"]
    assert figures.summarise("brand_new", results) == 6
    assert _texts(figures.draw("brand_new", results)) == "6"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package with a figure; its source and its entry point are given."""

    def install(source, point="own-figure = foreign_figure"):
        (tmp_path / "foreign_figure.py").write_text(source)
        about = tmp_path / "foreign-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[untuned.figures]\n{point}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        components.forget()

    yield install
    sys.modules.pop("foreign_figure", None)
    components.forget()


def test_another_package_adds_a_figure(installed, results):
    installed(SOURCE.format(declared='QUESTION = "What else?"'))
    assert figures.names()[-1] == "own-figure"  # it declares no place
    assert figures.question("own-figure") == "What else?"
    assert "foreign_figure" not in sys.modules  # its declarations are read without running it
    assert _texts(figures.draw("own-figure", results)) == "6"


def test_a_figure_that_cannot_be_found_is_named(installed, results):
    installed(SOURCE.format(declared=""), "own-figure = nowhere_at_all")
    assert "forest" in figures.names()  # the others work
    assert any("there is no module nowhere_at_all" in line for line in left_out())
    with pytest.raises(UserError, match="own-figure"):
        figures.draw("own-figure", results)


def test_a_figure_of_another_package_with_a_name_of_ours_is_left_out(installed):
    installed(SOURCE.format(declared=""), "forest = foreign_figure")
    assert figures.figures()["forest"].module == "analysis.figures.forest"
    (line,) = left_out()
    assert line.startswith("entry point forest: ")
    assert "forest.py is a figure of this name already" in line


def test_two_figures_of_one_name_in_this_project_are_refused(tmp_path, monkeypatch):
    (tmp_path / "forest.py").write_text(SOURCE.format(declared=""))
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    with pytest.raises(UserError, match=r"figure forest: .*forest\.py have this name; rename one"):
        figures.names()


def test_a_declaration_that_is_not_allowed_is_refused(installed, results):
    installed(SOURCE.format(declared="ORDER = 'first'"))
    assert "forest" in figures.names()
    with pytest.raises(UserError, match="give a whole number"):
        figures.draw("own-figure", results)


def test_an_unknown_figure_is_refused_with_those_that_are_near(results):
    with pytest.raises(UserError, match="did you mean forest"):
        figures.draw("forst", results)


def test_figures_declare_a_question_of_the_page():
    titles = importlib.import_module("analysis.report.questions").TITLES
    assert {figures.question(name) for name in figures.names()} == set(titles)


# What stands on them.


@pytest.mark.parametrize("name", ALL)
def test_title_unit_and_seeds_stand_on_the_figure(results, name):
    drawing = figures.draw(name, results)
    stated = _texts(drawing)
    assert drawing.title in stated
    assert drawing.note in stated
    assert "n = 3 seeds" in stated
    assert "95% t interval" in stated
    (axes,) = _axes(drawing)
    assert "(%)" in axes.get_xlabel() + axes.get_ylabel() or "(points)" in axes.get_xlabel()


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_off(study, record, name, inside_figure):
    axes = {"method": list(_METHODS), "weights": ["he-normal", "he-constant"]}
    drawing = figures.draw(name, analysis.load(record(study(margin=0.5, **axes))))
    inside_figure(drawing)


def test_the_colour_of_a_method_is_the_same_everywhere(study, record):
    results = analysis.load(record(study(method=[*_METHODS, "zebra", "edge-popup"])))
    expected = {
        name: style.colour for name, style in styles([*_METHODS, "edge-popup", "zebra"]).items()
    }
    assert len(set(expected.values())) == 7
    for name in ("accuracy_by_epoch", "changed_by_epoch", "changed_per_layer"):
        summary = figures.summarise(name, results)
        drawn = {method: style.colour for method, style in summary.styles.items()}
        assert len(drawn) >= 6
        assert drawn.items() <= expected.items()
        handles = figures.render(name, summary).figure.legends[0].legend_handles
        assert {handle.get_label(): handle.get_color() for handle in handles} == drawn


def test_legend_entries_are_as_drawn(study, record):
    results = analysis.load(record(study()))

    def entries(name):
        handles = figures.draw(name, results).figure.legends[0].legend_handles
        return {(handle.get_marker(), handle.get_linestyle()) for handle in handles}

    assert entries("accuracy_by_epoch") == {("o", "-"), ("s", "-")}
    assert entries("changed_per_layer") == {("s", "None")}
    assert entries("performance_profile") == {("", "-")}


# Curves.


def test_curve_and_interval_are_the_estimates(results):
    (panel,) = figures.summarise("changed_by_epoch", results).panels
    table = curves(results, "changed").query("method == 'free-pruning'")
    (curve,) = panel.curves
    assert curve.mean == pytest.approx(table["mean"].to_numpy())
    last = table.iloc[-1]
    assert (curve.end.low, curve.end.high) == pytest.approx((last["low"], last["high"]))
    (axes,) = _axes(figures.draw("changed_by_epoch", results))
    assert axes.lines[0].get_ydata() == pytest.approx(curve.mean)
    (bar,) = [
        line for line in axes.lines if list(line.get_ydata()) == [curve.end.low, curve.end.high]
    ]
    assert min(bar.get_xdata()) > 3  # right of the last epoch


def test_accuracy_leaves_out_epoch_zero_and_shows_the_ends(results):
    summary = figures.summarise("accuracy_by_epoch", results)
    low, high = summary.view
    for curve in summary.panels[0].curves:
        assert curve.epochs.tolist() == [1, 2, 3]
        assert low < curve.mean[-1] < high
    assert "Epoch 0 (before training, near chance) is not shown" in summary.note


def test_view_of_the_top_by_hand(study, record):
    def final(trial):
        return {"test_accuracy": 0.98 if trial.method == "dense" else 0.95, "changed": 0.1}

    results = analysis.load(record(study(epochs=8), final))
    table = curves(results, "test_accuracy").query("epoch > 0")
    # ends at 98 and 95, so three points below the lower one; the first epoch is at 54
    assert top_view(table) == pytest.approx((92, 98))


def test_wide_intervals_of_two_seeds_do_not_widen_the_view(study, record):
    def final(trial):
        return {"test_accuracy": 0.9 + 0.05 * trial.seed, "changed": 0.1}

    results = analysis.load(record(study(epochs=8, seeds=2), final))
    table = curves(results, "test_accuracy").query("epoch > 0")
    assert table["high"].max() > 120
    assert top_view(table) == pytest.approx((95.5, 100))  # all means end at 97.5


# Rows.


def test_points_and_mean_of_the_differences(study, record):
    def final(trial):
        return {"test_accuracy": 0.9 + (trial.method != "dense") * trial.seed / 100, "changed": 0.1}

    summary = figures.summarise(
        "difference_to_dense", analysis.load(record(study(margin=0.5), final))
    )
    (mark,) = _marks(summary).values()
    assert sorted(mark.seeds) == pytest.approx([1, 2, 3])
    assert mark.mean == pytest.approx(2)
    assert summary.panels[0].sides[0].zone == (-0.5, 0.5)
    assert "0.5 points on either side" in summary.note
    (axes,) = _axes(figures.render("difference_to_dense", summary))
    (points,) = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert sorted(points.get_xdata()) == pytest.approx([1, 2, 3])
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "s"]
    assert marks == pytest.approx([2])
    zone = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (zone.x0, zone.x1) == pytest.approx((-0.5, 0.5))


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
    assert f"Arrows at an edge: 2 of {of} seeds" in drawing.note
    assert "equal" not in drawing.note
    points = np.concatenate([line.get_xdata() for line in axes.lines if line.get_alpha() == 0.5])
    assert len(points) == of - 2
    assert low < points.min() <= points.max() < high


def test_a_mean_outside_is_written_beside_an_arrow(study, record):
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
    assert text.get_text() == "mean 43.3"
    left, right = axes.get_xlim()
    (bar,) = [line for line in axes.lines if list(line.get_xdata()) == [left, right]]
    assert bar.get_ydata()[0] == pytest.approx(text.xy[1])
    assert "3 of 9 seeds, 1 mean and 2 ends of intervals outside the view" in drawing.note


def test_equal_seeds_are_named(study, record):
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
    summary = figures.summarise(
        "difference_to_dense", analysis.load(record(study(method=methods), final))
    )
    assert summary.panels[0].sides[0].view[0] < -3
    assert "outside" not in summary.full_note


def test_no_margin_no_zone(study, record):
    summary = figures.summarise("difference_to_dense", analysis.load(record(study())))
    assert summary.panels[0].sides[0].zone is None
    assert "margin" not in summary.note


@pytest.mark.parametrize("name", ALL)
def test_one_seed_says_so(study, record, name):
    summary = figures.summarise(name, analysis.load(record(study(seeds=1))))
    assert "n = 1 seed: single trials" in summary.note


def test_no_dense(study, record):
    results = analysis.load(record(study(method=["free-pruning", "free-flipping"])))
    with pytest.raises(NothingToDraw, match="dense"):
        figures.summarise("difference_to_dense", results)
    assert "no dense training" in figures.summarise("final_accuracy", results).note
    assert "dense" not in figures.summarise("changed_by_epoch", results).note


def test_methods_without_a_partner_are_named(study, record):
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "supermask", "learning_rate": 0.1}]
    results = analysis.load(record(study(method="dense", grids=grids)))
    note = figures.summarise("difference_to_dense", results).note
    assert "Without dense training under the same recipe: supermask." in note


def test_only_dense(study, record):
    results = analysis.load(record(study(method="dense")))
    for name in ("changed_by_epoch", "changed_per_layer", "difference_to_dense"):
        with pytest.raises(NothingToDraw):
            figures.summarise(name, results)
    assert list(_marks(figures.summarise("final_accuracy", results))) == ["dense"]


def test_many_panels_are_capped_and_the_note_says_so(study, record):
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
    note = figures.summarise("final_accuracy", results).note
    assert "Of 6 trials: 1 diverged, 1 without a recorded accuracy" in note
    assert "n = 2 to 3 seeds" in note
    assert "n = 2 to 3 seeds" in figures.summarise("accuracy_by_epoch", results).note


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
    assert [text.get_text() for text in axes.texts] == ["mean 10.0"]
    assert "3 dead" in drawing.note
    summary = figures.summarise("accuracy_by_epoch", results)
    assert summary.view[0] > 90
    assert "1 of 3 lines stay below it throughout" in summary.note
    (axes,) = _axes(figures.draw("difference_to_dense", results))
    assert axes.get_xlim()[0] > -5
    assert "mean \N{MINUS SIGN}86.2" in axes.texts[0].get_text()


def test_nothing_but_nan(study, record):
    nan = {"test_accuracy": math.nan, "changed": 0.3, "outcome": "diverged"}
    results = analysis.load(record(study(), lambda trial: nan))
    for name in ("final_accuracy", "difference_to_dense", "accuracy_by_epoch"):
        with pytest.raises(NothingToDraw):
            figures.summarise(name, results)


def test_no_epochs(study, record):
    results = analysis.load(record(study(epochs=0)))
    with pytest.raises(NothingToDraw, match="first epoch"):
        figures.summarise("accuracy_by_epoch", results)
    assert len(_axes(figures.draw("changed_by_epoch", results))) == 1


def test_networks_keep_their_own_layers(study, record, monkeypatch):
    results = analysis.load(record(study(network=["lenet-300-100", "lenet-50"])))
    results.query("FROM layers WHERE NOT (network = 'lenet-50' AND layer = 2)").create_view("less")
    lacking = results.query("FROM less")
    monkeypatch.setattr(type(results), "layers", lacking)
    monkeypatch.setattr(type(results), "final_layers", lacking.filter("epoch = 3"))
    three, two = figures.summarise("changed_per_layer", results).panels
    assert list(three.ticks) == [0, 1, 2]
    assert list(two.ticks) == [0, 1]


def test_sentence_on_seeds():
    assert seeds([], "bar") == "No trial with a recorded value."
    assert seeds([1, 1], "bar") == "n = 1 seed: single trials, no bar."
    assert seeds([5, 5], "band") == "Mean over n = 5 seeds; band: 95% t interval of the mean."
    assert "n = 1 to 3 seeds" in seeds([1, 3], "bar")
    assert "none where n = 1" in seeds([1, 3], "bar")


# Densities.


@pytest.fixture
def densities(study, record):
    """Free pruning and edge-popup at two densities, with accuracies by hand: no seed differs."""
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "edge-popup", "density": [0.3, 0.7]}]
    accuracies = {"dense": 0.97, "free-pruning": 0.96, "edge-popup": 0.9}

    def final(trial):
        return {"test_accuracy": accuracies[trial.method] + 0.1 * trial.density, "changed": 0.2}

    return analysis.load(record(study(method="dense", grids=grids), final))


def test_accuracy_against_density(densities):
    summary = figures.summarise(DENSITY, densities)
    (panel,) = summary.panels
    (side,) = panel.sides
    assert {mark.method: mark.mean for mark in side.beside} == pytest.approx(
        {"dense": 97, "free-pruning": 96}
    )
    (line,) = side.lines
    assert line.values == (0.3, 0.7)
    assert [mark.mean for mark in line.marks] == pytest.approx([93, 97])
    assert "n = 3 seeds" in summary.note
    assert (panel.across, side.axis) == ("density", "test accuracy (%)")


def test_methods_of_one_mean_stand_beside_each_other(study, record):
    grids = [{"method": ["dense", "free-pruning"]}, {"method": "edge-popup", "density": [0.3, 0.7]}]

    def equal(trial):
        return {"test_accuracy": 0.9 + trial.seed / 100, "changed": 0.2}

    loaded = analysis.load(record(study(method="dense", grids=grids), equal))
    (axes,) = _axes(figures.draw(DENSITY, loaded))
    places = {line.get_xdata()[0] for line in axes.lines if line.get_marker() in ("o", "s", "^")}
    assert len(places) == 4  # dense, free pruning, and edge-popup at two densities
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["none", "0.3", "0.7"]


def test_accuracy_against_density_has_a_panel_per_weights(study, record):
    grids = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.7]}]
    loaded = analysis.load(record(study(weights=["he-normal", "he-constant"], grids=grids)))
    titles = [panel.title for panel in figures.summarise(DENSITY, loaded).panels]
    assert titles == ["he-normal", "he-constant"]


def test_without_densities_there_is_no_such_figure(results):
    with pytest.raises(NothingToDraw, match="several densities"):
        figures.summarise(DENSITY, results)


@pytest.mark.parametrize(
    ("name", "first"), [("final_accuracy", ["dense"]), ("difference_to_dense", [])]
)
def test_densities_are_rows_of_one_panel(densities, name, first):
    labels = [*first, "free-pruning", "edge-popup, density 0.3", "edge-popup, density 0.7"]
    assert list(_marks(figures.summarise(name, densities))) == labels


def test_one_density_stands_for_a_method_in_figures_of_the_training(densities):
    (panel,) = figures.summarise("accuracy_by_epoch", densities).panels
    assert [curve.method for curve in panel.curves] == ["dense", "free-pruning", "edge-popup"]
    kept = one_arm_each(densities, densities.trials)
    assert set(kept["density"]) == {0.0, 0.7}  # the better one by validation accuracy
    assert len(arm_panels(densities, kept)) == 1
    assert "edge-popup, density 0.7." in chosen_arms(densities)


def test_the_default_stands_for_a_method_with_other_values(study, record):
    asked = study(method="free-pruning", score_offset=[0.0, 0.5])
    results = analysis.load(record(asked))
    assert set(one_arm_each(results, results.trials)["score_offset"]) == {0.0}


def test_a_recipe_of_a_methods_own_makes_no_panel(study, record):
    grids = [{"method": "dense"}, {"method": "supermask", "learning_rate": 0.1}]
    loaded = analysis.load(record(study(weights=["he-normal", "he-constant"], grids=grids)))
    titles = [panel.title for panel in arm_panels(loaded, loaded.trials)]
    assert titles == ["he-normal", "he-constant"]
