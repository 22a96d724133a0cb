"""Validation accuracy against the learning rate and its schedule, each method's best marked."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.cells import heading, label, ordered
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    limits,
    panels,
    sentences,
    sheet,
)
from analysis.drawing import seeds as seeds_and_bars
from analysis.drawing.style import Look, looks
from analysis.estimates.rates import chosen_of, curves, panels_of, rows_of, without_values
from analysis.tables import Results

ORDER = 11
TITLE = "The learning rate that each method needs"
#: The factor by which neighbouring methods are apart, and at most the first and the last of them.
_ASIDE, _FURTHEST = 1.045, 1.4
#: More methods than this are not listed in words.
_MOST_LISTED = 8
_WORDS = {"whole_name": "parameters"}
#: Points that the axis shows below the worst of the best rates, and above the best of them.
_BELOW, _ABOVE = 3.0, 1.0


def draw(results: Results) -> Drawing:
    """Draw mean validation accuracy in percent over rates; a panel per schedule and setting."""
    rows, is_tuned = rows_of(results)
    by = panels_of(rows)
    table = curves(rows, by)
    if table.empty:
        raise NothingToDraw("No method is trained at several learning rates.")
    methods = [without_values(str(name)) for name in ordered(results, "method")]
    shown = {name: look for name, look in looks(methods).items() if name in set(table["method"])}
    chosen = [_WORDS.get(name, heading(name)) for name in chosen_of(rows)]
    split = [*by, "schedule"] if table["schedule"].nunique() > 1 else by
    across, up = "learning rate", "validation accuracy (%)"
    figure, placed, left_out = sheet(panels(results, table, split), 3.6, across, up)
    low, high = _view(table)
    for axes, panel in placed:
        _draw(axes, panel.rows, shown)
        axes.set_xscale("log")
        axes.set_ylim(low, high)
    below = int((table["mean"] * 100 < low).sum())
    note = sentences(
        seeds_and_bars(table["n"], "bar"),
        "Tuning seeds." if is_tuned else "",
        _best(table, by),
        f"At each rate, a method has its best {', '.join(chosen)}." if chosen else "",
        f"{below} of {len(table)} means lie below the axis." if below else "",
        left_out,
    )
    ring = Line2D([], [], ls="", marker="o", ms=11, mfc="none", mec="#333333", label="best")
    finish(figure, TITLE, shown, note, [ring])
    caption = (
        "Validation accuracy after the last epoch against the learning rate, one panel per "
        "schedule. Ringed: the best rate and schedule of each method. Methods that need the same "
        "rate have their rings above each other. Choosing on these images and seeds favours "
        "methods with more configurations. The axis of accuracy does not start at zero."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(table: pd.DataFrame) -> tuple[float, float]:
    """Return limits in percent that show all best rates, and the rates that do nearly as well."""
    best = table.loc[table["best"], "mean"] * 100
    lowest = max(table["mean"].min() * 100, best.min() - _BELOW)
    return limits(lowest, min(table[["mean", "high"]].max().max() * 100, best.max() + _ABOVE, 100))


def _draw(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> None:
    aside = min(_ASIDE, _FURTHEST ** (1 / max(1, len(shown) - 1)))
    for number, (method, look) in enumerate(shown.items()):
        line = rows[rows["method"] == method].sort_values("learning_rate")
        if line.empty:
            continue
        # Shifted sideways, so that no bar hides another.
        across = line["learning_rate"] * aside ** (number - (len(shown) - 1) / 2)
        half = ((line["high"] - line["mean"]) * 100).fillna(0)
        axes.errorbar(
            across,
            line["mean"] * 100,
            yerr=half,
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            ms=5,
            lw=1.4,
            elinewidth=0.8,
            capsize=2,
        )
        best = line["best"].to_numpy()
        axes.plot(
            across[best], line["mean"][best] * 100, "o", ms=12, mfc="none", mec=look.colour, mew=1.5
        )


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
