"""Accuracy against the chosen density, beside the methods that need none."""

from analysis.cells import panel_fields
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import above_floor, floor
from analysis.drawing.limits import PERCENT, completed, view
from analysis.drawing.lines import LinePanel, Lines, LineSide, lines_over, ticks
from analysis.drawing.marks import from_table
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import panels, styles_of
from analysis.drawing.sides import seeds_of
from analysis.estimates.intervals import grouped
from analysis.tables import Results

ORDER = 5
QUESTION = "density"
TITLE = "Test accuracy against the density"
CAPTION = (
    "Test accuracy after the last epoch against the density, the fraction of connections that a "
    "method is set to keep. Left: methods that need no density, each with its interval; a thin "
    "line of their mean runs across. Higher is better. The densities are equally spaced; the "
    "axis of accuracy does not start at zero."
)
_VALUE = "test_accuracy"


def summarise(results: Results) -> Lines:
    """Return mean final test accuracies in percent over densities, and those of other methods."""
    trials = above_floor(results, results.trials).dropna(subset=_VALUE)
    densities = set(trials.loc[trials["density"] > 0, "density"])
    if "density" not in panel_fields(results) or len(densities) < 2:
        raise NothingToDraw("No method is trained at several densities.")
    others = panel_fields(results, without=["density"])
    keys = [*others, "method", "density"]
    limits = view(from_table(grouped(completed(trials), keys, _VALUE)), within=PERCENT)
    styles = styles_of(results, trials)
    drawn = []
    for panel in panels(results, grouped(trials, keys, _VALUE), others):
        needs = panel.rows["density"] > 0
        lines = lines_over(panel.rows[needs], "density", styles)
        beside = tuple(from_table(panel.rows[~needs]))
        if lines:
            side = LineSide("", "test accuracy (%)", limits, lines, beside)
            drawn.append(LinePanel(panel.title, (side,), "density", ticks(densities)))
    note = sentences(seeds_of(drawn), diverged_or_dead(results.trials), floor(results))
    return Lines(tuple(drawn), styles, note, height=3.6, without_value="none")
