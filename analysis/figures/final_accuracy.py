"""Test accuracy after the last epoch: every seed, the mean and its interval."""

from analysis.cells import BASELINE
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.arms import (
    above_floor,
    arm_panels,
    arm_slots,
    arm_view,
    columns_for_arms,
    floor,
)
from analysis.drawing.limits import PERCENT
from analysis.drawing.notes import diverged_or_dead, seeds, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.rows import RowPanel, Rows, Side, Slot, draw_rows
from analysis.tables import Results

ORDER = 10
QUESTION = "accuracy"
TITLE = "Test accuracy after the last epoch"
CAPTION = (
    "Test accuracy after the last epoch, by method. Further right is better. The axis does not "
    "start at zero."
)
_VALUE = "test_accuracy"


def summarise(results: Results) -> Rows:
    """Return the final test accuracies in percent, a row per arm, with the mean of dense."""
    trials = results.trials[columns_for_arms(results, _VALUE)].dropna(subset=_VALUE)
    trials = above_floor(results, trials)
    if trials.empty:
        raise NothingToDraw("No trial with a recorded accuracy is finished.")
    limits = arm_view(results, trials, _VALUE, within=PERCENT)
    panels = tuple(
        RowPanel(panel.title, (_side(arm_slots(results, panel.rows, _VALUE), limits),))
        for panel in arm_panels(results, trials)
    )
    marks = [mark for panel in panels for side in panel.sides for mark in side.marks]
    styles = styles_of(results, trials)
    note = sentences(
        "Small points: one seed each.",
        seeds((mark.n for mark in marks), "bar"),
        "Dashed: mean of dense." if BASELINE in styles else "The study has no dense training.",
        diverged_or_dead(results.trials),
        floor(results),
    )
    return Rows(panels, styles, note, in_legend=False)


def _side(slots: tuple[Slot, ...], limits: tuple[float, float]) -> Side:
    dense = [m.mean for slot in slots for m in slot.marks if m.method == BASELINE]
    guides = tuple((mean, "dense") for mean in dense)
    return Side("", "test accuracy (%)", slots, limits, guides)


def draw(summary: Rows) -> Drawing:
    """Draw the accuracies."""
    return draw_rows(summary, TITLE, CAPTION)
