"""The figures of the questions beside the claims: their summaries, and what stands on them."""

import functools
import sys
from pathlib import Path

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
def shown(study, record_in, tmp_path_factory):
    """What a figure shows of a study that it applies to, once for all tests."""

    @functools.cache
    def summarise(name):
        uri = record_in(tmp_path_factory.mktemp(name), study(**STUDIES[name]), final)
        return figures.summarise(name, analysis.load(uri))

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
    assert "n = 3 seeds" in stated
    labels = [axes.get_xlabel() + axes.get_ylabel() for axes in drawing.figure.axes]
    assert "%" in " ".join(labels)


@pytest.mark.parametrize("name", ALL)
def test_one_seed(results_of, name):
    note = figures.summarise(name, results_of(name, seeds=1)).note
    assert "n = 1 seed: single trials" in note


@pytest.mark.parametrize("name", ALL)
def test_a_study_without_it_says_what_is_missing(results, name):
    with pytest.raises(NothingToDraw, match=r"^No .*\.$"):
        figures.summarise(name, results)


@pytest.mark.parametrize("name", ALL)
def test_no_trial_at_all(study, record, name):
    results = analysis.load(record(study(**STUDIES[name]), only=lambda trial: False))
    with pytest.raises(NothingToDraw):
        figures.summarise(name, results)


def test_equal_masks_overlap_wholly_and_chance_is_a_line_at_zero(study, record):
    def same(trial):
        return final(trial.__class__(**trial.values() | {"seed": 1, "rounding": 0}))

    asked = study(method="free-pruning", rounding=[0, 1], keep_masks=True)
    (panel,) = figures.summarise("mask_overlap", analysis.load(record(asked, same))).panels
    (side,) = panel.sides
    (line,) = side.lines
    assert line.method == "rounding alone"
    assert [mark.mean for mark in line.marks] == pytest.approx([100] * 4)
    assert [level for _, level in side.levels] == pytest.approx([100] * 4)
    assert list(panel.ticks.values())[-1] == "all layers"
    assert side.guides == ((0.0, "zero"),)


def test_pairs_of_methods_have_a_panel_of_their_own(shown):
    summary = shown("mask_overlap")
    assert summary.panels[-1].title == "methods compared with each other"
    pairs = {line.method for line in summary.panels[-1].sides[0].lines}
    assert len(pairs) == 3
    assert all(", " in pair for pair in pairs)


def test_controls_without_retraining_have_no_panel_for_it(study, record):
    summary = figures.summarise("mask_controls", analysis.load(record(study(), final)))
    (panel,) = summary.panels
    (moved,) = panel.sides
    assert moved.slots[0].label == "as trained"
    assert moved.guides == ((10.0, "chance"),)


def test_each_trial_counts_once_beside_its_controls(shown):
    panels = shown("mask_controls").panels
    assert [panel.title for panel in panels] == ["he-normal", "he-constant"]
    assert {mark.n for panel in panels for side in panel.sides for mark in side.marks} == {3}


def test_effective_size_is_shown_one_thing_at_a_time(shown):
    panels = shown("effective_size").panels
    assert [panel.title for panel in panels] == [
        "per layer: width 1, 3 epochs, score offset 0",
        "all layers: 3 epochs, score offset 0",
        "all layers: width 1, score offset 0",
        "all layers: width 1, 3 epochs",
    ]
    connected, live, changed = panels[1].sides
    assert [side.axis for side in (connected, live, changed)] == [
        "connected (% of all)",
        "live (% of all)",
        "changed (% of live)",
    ]
    of_live = {line.method: round(line.marks[0].mean) for line in changed.lines}
    assert of_live["free-flipping"] == 35
    assert of_live["minimal-flipping"] == 6
    assert "dense" not in of_live
    pruning = {line.method: line for line in panels[3].sides[0].lines}["free-pruning"]
    # 0.44 of layer-wise 0.8, 1 and 1.2 times 1920, 3000 and 100, less with the offset
    assert pruning.values == (0, 0.25, 0.5)
    first, second, third = (mark.mean for mark in pruning.marks)
    assert first > second > third


def test_what_is_memorised_stands_beside_what_is_learned(shown):
    panel = shown("random_labels").panels[0]
    given, permuted = panel.sides
    assert panel.title == "3 epochs"
    assert (given.title, permuted.title) == ("given labels", "permuted labels")
    learned, memorised = given.lines[0], permuted.lines[0]
    assert learned.method == memorised.method == "dense"
    assert learned.values == (0.5, 1, 2)
    assert [mark.mean for mark in learned.marks] == pytest.approx([97.5] * 3, abs=1.5)
    assert [mark.mean for mark in memorised.marks] == pytest.approx([75, 80, 85], abs=1.5)
    assert permuted.guides == ((10.0, "chance"),)


def test_kinds_that_a_network_lacks_are_left_out(shown):
    lenet, resnet = (panel.sides[0].slots for panel in shown("pieces_alone").panels)
    assert [slot.label for slot in lenet] == ["all layers", "output layer alone"]
    (alone,) = [slot for slot in resnet if slot.label == "batch normalisation alone"]
    assert {mark.method: round(mark.mean) for mark in alone.marks} == {"frozen": 60}


def test_of_a_transfer_each_second_data_set_is_a_panel(shown):
    assert [panel.title for panel in shown("transfer").panels] == ["digits-5-9", "digits-0-4"]
