"""Kinds of trials below each other, in each the methods side by side: one measure per setting."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.drawing import (
    Drawing,
    finish,
    lost,
    methods_of,
    panels,
    seeds,
    sentences,
    sheet,
)
from analysis.drawing.categories import Measure, draw_rows, view
from analysis.drawing.points import unseen
from analysis.estimates.kinds import Kinds
from analysis.tables import Results


def draw_kinds(
    results: Results, found: Kinds, measure: Measure, title: str, caption: str
) -> Drawing:
    """Draw a measure of each kind of trials: a point per seed, the mean, its interval.

    Args:
        results: the study.
        found: the trials by kind, at least one; settings with a single kind are left out.
        measure: what is drawn of them.
        title: the figure's.
        caption: what is seen.
    """
    rows = found.rows.dropna(subset=measure.value)
    every = panels(results, rows, found.by)
    told = [panel for panel in every if panel.rows["kind"].nunique() > 1] or every
    looks = methods_of(results, pd.concat([panel.rows for panel in told]))
    height = 0.75 + len(found.kinds) * (0.12 + 0.19 * len(looks))
    figure, placed, left_out = sheet(told, height, measure.side.across, "", same=False)
    outside, guessed = [], False
    for axes, panel in placed:
        axes.set_xlim(view(panel.rows, "kind", measure))
        outside.append(draw_rows(axes, panel.rows, "kind", found.kinds, looks, measure))
        axes.set_yticks(range(len(found.kinds)), list(found.kinds))
        guessed |= draw_chance(axes, panel.rows["classes"])
    shown = pd.concat([panel.rows for _, panel in placed])
    note = sentences(
        "Small points: one seed each.",
        seeds(shown.groupby(["kind", "method", *found.by], sort=False).size(), "bar"),
        unseen(outside),
        lost(results.trials),
        left_out,
    )
    finish(figure, title, looks, note, [CHANCE] if guessed else [])
    return Drawing(figure, title, caption, note)


#: The line of chance in a legend.
CHANCE = Line2D([], [], color="#333333", lw=1, ls=":", label="chance")


def draw_chance(axes: Axes, classes: pd.Series) -> bool:
    """Draw the accuracy of guessing; returns whether it is known and lies in view.

    Args:
        axes: where to; the horizontal axis is an accuracy in percent.
        classes: how many each row's data set has.
    """
    left, right = axes.get_xlim()
    levels = [100 / float(count) for count in classes.dropna().unique()]
    inside = [level for level in levels if left <= level <= right]
    for level in inside:
        axes.axvline(level, color="#333333", lw=1, ls=":", zorder=0.8)
    return bool(inside)
