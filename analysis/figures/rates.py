"""Validation accuracy against the learning rate and its schedule, each method's best marked."""

from dataclasses import replace

import pandas as pd
from matplotlib.lines import Line2D

from analysis.cells import heading, label, ordered
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.arms import above_floor
from analysis.drawing.limits import Limits, padded
from analysis.drawing.lines import (
    Line,
    LinePanel,
    Lines,
    LineSide,
    lines_over,
    ticks,
)
from analysis.drawing.notes import seeds, sentences
from analysis.drawing.panels import panels
from analysis.drawing.style import INK, styles
from analysis.estimates.rates import chosen_of, curves, panels_of, rows_of, without_values
from analysis.tables import Results

ORDER = 11
QUESTION = "rates"
TITLE = "The learning rate that each method needs"
CAPTION = (
    "Validation accuracy after the last epoch against the learning rate, one panel per schedule; "
    "the rates are equally spaced. Ringed: the best rate and schedule of each method. Methods "
    "that need the same rate have their rings at one rate. Choosing on these images and seeds "
    "favours methods with more configurations. The axis of accuracy does not start at zero."
)
#: More methods than this are not listed in words.
_MOST_LISTED = 8
_WORDS = {"whole_name": "parameters"}
#: Points that the axis shows below the worst of the best rates, and above the best of them.
_BELOW, _ABOVE = 3.0, 1.0


def summarise(results: Results) -> Lines:
    """Return mean validation accuracy in percent over rates; a panel per schedule and fields."""
    rows, is_tuned = rows_of(results)
    rows = above_floor(results, rows)
    by = panels_of(rows)
    table = curves(rows, by)
    if table.empty:
        raise NothingToDraw("No method is trained at several learning rates.")
    methods = [without_values(str(name)) for name in ordered(results, "method")]
    shown = {name: style for name, style in styles(methods).items() if name in set(table["method"])}
    chosen = [_WORDS.get(name, heading(name)) for name in chosen_of(rows)]
    split = [*by, "schedule"] if table["schedule"].nunique() > 1 else by
    limits, rates = _view(table), ticks(table["learning_rate"])
    drawn = []
    for panel in panels(results, table, split):
        lines = lines_over(panel.rows, "learning_rate", shown)
        ringed = tuple(replace(line, best=_best_of(panel.rows, line)) for line in lines)
        side = LineSide("", "validation accuracy (%)", limits, ringed)
        drawn.append(LinePanel(panel.title, (side,), "learning rate", rates))
    note = sentences(
        seeds(table["n"], "bar"),
        "Tuning seeds." if is_tuned else "",
        _best(table, by),
        f"At each rate, a method has its best {', '.join(chosen)}." if chosen else "",
    )
    return Lines(tuple(drawn), shown, note, height=3.6)


def draw(summary: Lines) -> Drawing:
    """Draw the accuracies."""
    ring = Line2D([], [], ls="", marker="o", ms=10, mfc="none", mec=INK, label="best")
    return summary.draw(TITLE, CAPTION, [ring])


def _best_of(rows: pd.DataFrame, line: Line) -> float | None:
    """Return the rate that is ringed in a panel; None if the method's best is in another one."""
    best = rows.loc[rows["best"] & (rows["method"] == line.method), "learning_rate"]
    return float(best.iloc[0]) if len(best) else None


def _view(table: pd.DataFrame) -> Limits:
    """Return limits in percent that show all best rates, and the rates that do nearly as well."""
    best = table.loc[table["best"], "mean"] * 100
    lowest = max(table["mean"].min() * 100, best.min() - _BELOW)
    return padded(lowest, min(table[["mean", "high"]].max().max() * 100, best.max() + _ABOVE, 100))


def _best(table: pd.DataFrame, by: list[str]) -> str:
    """Return in words the best rates, unless they are many, and those whose end still gains."""
    best = table[table["best"]]
    several = table["schedule"].nunique() > 1
    words = [
        f"{row['method']} {row['learning_rate']:g}" + (f" {row['schedule']}" if several else "")
        for _, row in best.iterrows()
    ]
    edges = [
        ", ".join(filter(None, [row["method"], label({name: row[name] for name in by})]))
        for _, row in best[best["edge"] != ""].iterrows()
    ]
    return sentences(
        f"Best: {'; '.join(words)}." if not by and len(words) <= _MOST_LISTED else "",
        f"Still gaining at an end of its rates: {'; '.join(edges)}." if edges else "",
    )
