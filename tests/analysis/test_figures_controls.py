"""The figures of the controls: values read back from matplotlib's objects."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis import figures
from analysis.drawing import NothingToDraw

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package

from controls_support import STUDIES, final

ALL = list(STUDIES)


@pytest.fixture
def results_of(study, record):
    def make(name, **given):
        return analysis.load(record(study(**STUDIES[name], **given), final))

    return make


@pytest.fixture(scope="module")
def drawn(study, record_in, tmp_path_factory):
    """A figure of a study that it applies to, drawn once for all tests."""

    @functools.cache
    def draw(name):
        uri = record_in(tmp_path_factory.mktemp(name), study(**STUDIES[name]), final)
        return figures.draw(name, analysis.load(uri))

    return draw


def _axes(drawing):
    return [axes for axes in drawing.figure.axes if axes.get_visible()]


@pytest.mark.parametrize("name", ALL)
def test_title_unit_and_seeds_stand_on_the_figure(drawn, name):
    drawing = drawn(name)
    said = " ".join(text.get_text().replace("\n", " ") for text in drawing.figure.texts)
    assert drawing.title in said
    assert drawing.note in said
    assert "n = 3 seeds" in said
    assert "%" in " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in _axes(drawing))


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_off(drawn, name):
    figure = drawn(name).figure
    parts = [*figure.texts, *figure.legends, *(axes.title for axes in figure.axes)]
    for axes in figure.axes:
        parts += [axes.xaxis.label, axes.yaxis.label, *axes.get_yticklabels(), *axes.texts]
    for part in parts:
        extent = part.get_window_extent()
        if part.get_visible() and extent.width > 0:
            assert extent.x0 >= -1
            assert extent.y0 >= -1
            assert extent.x1 <= figure.bbox.x1 + 1, part
            assert extent.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("name", ALL)
def test_one_seed(results_of, name):
    assert "n = 1 seed: single trials" in figures.draw(name, results_of(name, seeds=1)).note


@pytest.mark.parametrize("name", ALL)
def test_a_study_without_it_says_what_is_missing(results, name):
    with pytest.raises(NothingToDraw, match=r"^No .*\.$"):
        figures.draw(name, results)


@pytest.mark.parametrize("name", ALL)
def test_no_trial_at_all(study, record, name):
    results = analysis.load(record(study(**STUDIES[name]), only=lambda trial: False))
    with pytest.raises(NothingToDraw):
        figures.draw(name, results)


def _lines(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_equal_masks_overlap_wholly_and_chance_is_a_line_at_zero(study, record):
    def same(trial):
        return final(trial.__class__(**trial.values() | {"seed": 1, "rounding": 0}))

    asked = study(method="free-pruning", rounding=[0, 1], keep_masks=True)
    (axes,) = _axes(figures.draw("mask_overlap", analysis.load(record(asked, same))))
    (marks,) = _lines(axes, "D")
    assert list(marks.get_ydata()) == pytest.approx([100] * 4)
    assert [label.get_text() for label in axes.get_xticklabels()][-1] == "all layers"
    assert any(list(line.get_ydata()) == [0, 0] for line in axes.lines)


def test_controls_without_retraining_say_so(study, record):
    drawing = figures.draw("mask_controls", analysis.load(record(study(), final)))
    left, right = _axes(drawing)
    assert "not in this study" in [text.get_text() for text in right.texts]
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels[0] == "as trained"
    (chance,) = (line for line in left.lines if line.get_linestyle() == ":")
    assert list(chance.get_xdata()) == [10, 10]


def test_effective_size_is_drawn_one_thing_at_a_time(drawn):
    drawing = drawn("effective_size")
    grid = np.array(_axes(drawing)).reshape(3, 4)
    titles = [axes.get_title().splitlines()[-1] for axes in grid[0]]
    assert titles == [
        "width 1, 3 epochs, score offset 0",
        "3 epochs, score offset 0",
        "width 1, score offset 0",
        "width 1, 3 epochs",
    ]
    changed = {round(float(line.get_ydata()[0])) for line in _lines(grid[2][1], "D")}
    assert changed == {35, 6}  # percent of the live ones, of free and of minimal flipping
    (pruning, *_) = _lines(grid[0][3], "s")
    # 0.44 of layer-wise 0.8, 1 and 1.2 times 1920, 3000 and 100, less with the offset
    assert list(pruning.get_xdata()) == [0, 0.25, 0.5]
    assert np.all(np.diff(pruning.get_ydata()) < 0)


def test_what_is_memorised_stands_beside_what_is_learned(drawn):
    drawing = drawn("random_labels")
    given, permuted, *_ = _axes(drawing)
    assert given.get_title().splitlines() == ["3 epochs", "given labels"]
    (learned,), (memorised,) = (_lines(axes, "o") for axes in (given, permuted))
    assert list(learned.get_xdata()) == [0.5, 1, 2]
    assert list(learned.get_ydata()) == pytest.approx([97.5] * 3, abs=1.5)
    assert list(memorised.get_ydata()) == pytest.approx([75, 80, 85], abs=1.5)


def test_kinds_that_a_network_lacks_are_empty(drawn):
    lenet, resnet = _axes(drawn("pieces_alone"))
    labels = [label.get_text() for label in lenet.get_yticklabels()]
    assert labels[-1] == "batch normalisation alone"
    assert not _lines(lenet, "^")
    assert [round(float(line.get_xdata()[0])) for line in _lines(resnet, "^")] == [60]


def test_of_a_transfer_each_second_data_set_is_a_panel(drawn):
    drawing = drawn("transfer")
    assert [axes.get_title() for axes in _axes(drawing)] == ["digits-5-9", "digits-0-4"]
