"""Kinds of trials below each other, with the methods in each: one measure."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.drawing import (
    Drawing,
    diverged_or_dead,
    finish,
    methods_of,
    panels,
    seeds,
    sentences,
    sheet,
)
from analysis.drawing.categories import Measure, draw_rows, view
from analysis.drawing.points import unseen
from analysis.estimates.question_groups import Kinds
from analysis.tables import Results


def draw_kinds(
    results: Results, question: Kinds, measure: Measure, title: str, caption: str
) -> Drawing:
    """Draw a measure of each kind of trials: a point per seed, the mean, its interval.

    Args:
        results: the study.
        question: the trials by kind, at least one trial. Panels with a single kind are left out
            if others have several.
        measure: the measure.
        title: the figure's title.
        caption: the figure's caption.
    """
    rows, kinds = question.rows.dropna(subset=measure.value), question.kinds
    every = panels(results, rows, question.by)
    compared = [panel for panel in every if panel.rows["kind"].nunique() > 1] or every
    looks = methods_of(results, pd.concat([panel.rows for panel in compared]))
    height = 0.75 + len(kinds) * (0.12 + 0.19 * len(looks))
    figure, placed, left_out = sheet(compared, height, measure.side.across, "", same=False)
    outside, chance_drawn = [], False
    for axes, panel in placed:
        axes.set_xlim(view(panel.rows, "kind", measure))
        outside.append(draw_rows(axes, panel.rows, "kind", kinds, looks, measure))
        axes.set_yticks(range(len(kinds)), list(kinds))
        chance_drawn |= draw_chance(axes, panel.rows["classes"])
    shown = pd.concat([panel.rows for _, panel in placed])
    note = sentences(
        "Small points: one seed each.",
        seeds(shown.groupby(["kind", "method", *question.by], sort=False).size(), "bar"),
        unseen(outside),
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, title, looks, note, [CHANCE] if chance_drawn else [])
    return Drawing(figure, title, caption, note)


#: The line of chance in a legend.
CHANCE = Line2D([], [], color="#333333", lw=1, ls=":", label="chance")


def draw_chance(axes: Axes, classes: pd.Series) -> bool:
    """Draw the accuracy of guessing; return whether it is known and lies in view.

    Args:
        axes: the panel's axes; the horizontal axis is an accuracy in percent.
        classes: number of classes of each row's data set.
    """
    left, right = axes.get_xlim()
    levels = [100 / float(count) for count in classes.dropna().unique()]
    inside = [level for level in levels if left <= level <= right]
    for level in inside:
        axes.axvline(level, color="#333333", lw=1, ls=":", zorder=0.8)
    return bool(inside)
