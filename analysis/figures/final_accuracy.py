"""Test accuracy after the last epoch: every seed, the mean and its interval."""

from analysis.cells import BASELINE
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import (
    above_floor,
    arm_rows,
    arm_view,
    columns_for_arms,
    dense_lines,
    floor,
)
from analysis.drawing.limits import PERCENT
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.rows import RowPanel, Rows, RowSide
from analysis.drawing.sides import seeds_of
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
    drawn = []
    for title, slots in arm_rows(results, trials, _VALUE):
        side = RowSide("", "test accuracy (%)", limits, slots, guides=dense_lines(slots))
        drawn.append(RowPanel(title, (side,)))
    styles = styles_of(results, trials)
    note = sentences(
        "Small points: one seed each.",
        seeds_of(drawn),
        "Dashed: mean of dense." if BASELINE in styles else "The study has no dense training.",
        diverged_or_dead(results.trials),
        floor(results),
    )
    return Rows(tuple(drawn), styles, note, in_legend=False)
