"""The regret of a wrong threshold, and that of methods without a threshold to choose."""

from dataclasses import dataclass

import pandas as pd

from analysis.cells import ordered, panel_fields
from analysis.drawing import NothingToDraw
from analysis.drawing.limits import view
from analysis.drawing.lines import Line, LinePanel, Lines, LineSide, ticks
from analysis.drawing.marks import Mark, from_table
from analysis.drawing.notes import diverged_or_dead, margin_zone, sentences
from analysis.drawing.panels import panels, styles_of
from analysis.drawing.sides import seeds_of
from analysis.estimates.regret import regrets
from analysis.tables import Results

ORDER = 7
QUESTION = "density"
TITLE = "Regret of a wrong density"
CAPTION = (
    "Regret of a density: the test accuracy at the best density of its method minus that at this "
    "density, paired by seed. It is the cost of choosing a wrong threshold. Left: methods that "
    "need no threshold, compared with the same best density. Lower is better."
)


@dataclass(frozen=True)
class _Regrets:
    """The regrets of one method's densities, in points."""

    title: str
    curve: Line
    beside: tuple[Mark, ...]


def summarise(results: Results) -> Lines:
    """Return the regrets in points: of densities, and of methods without one, per method."""
    each = _each(results)
    if not each:
        raise NothingToDraw("No density has a regret, since no method is trained at several.")
    margin = results.margin
    marks = [mark for one in each for mark in (*one.curve.marks, *one.beside)]
    limits = view(marks, include=(0.0, *((-margin, margin) if margin else ())))
    zone = None if margin is None else (-margin, margin)
    axis, guides = "regret (points of test accuracy)", ((0.0, "zero"),)
    drawn = []
    for one in each:
        side = LineSide("", axis, limits, (one.curve,), one.beside, guides=guides, zone=zone)
        drawn.append(LinePanel(one.title, (side,), "density", ticks(one.curve.values)))
    note = sentences(
        seeds_of(drawn),
        "Ringed: the best density of the grid, by the mean over the seeds shown. Choosing it on "
        "these seeds favours it (winner's curse) and makes all regrets larger, including those of "
        "the methods without a threshold. A mean below zero is better than the best density.",
        margin_zone(margin),
        diverged_or_dead(results.trials),
    )
    styles = styles_of(results, pd.DataFrame({"method": [mark.method for mark in marks]}))
    return Lines(tuple(drawn), styles, note, height=3.3, without_value="none")


def _each(results: Results) -> list[_Regrets]:
    """Return the regrets per combination of the other fields and method with several densities."""
    trials = results.trials.dropna(subset="test_accuracy")
    others = panel_fields(results, without=["density"])
    each = []
    for panel in panels(results, trials, others):
        chosen = panel.rows[panel.rows["density"] > 0].groupby("method")["density"].nunique()
        for name in ordered(results, "method"):
            if chosen.get(name, 0) < 2:
                continue
            method = str(name)
            found = regrets(panel.rows, method)
            marks = tuple(from_table(found.curve.assign(method=method)))
            line = Line(method, tuple(found.curve["density"]), marks, best=found.best)
            title = f"{panel.title}: {method}" if panel.title else method
            each.append(_Regrets(title, line, tuple(from_table(found.levels))))
    return each
