"""Validation accuracy against the number of trainings spent on tuning."""

from collections import Counter

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.cells import heading, panel_fields
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    limits,
    methods_of,
    panels,
    percent,
    sentences,
    sheet,
)
from analysis.drawing.style import Look
from analysis.estimates.tuning import TUNED, arms
from analysis.tables import Results

ORDER = 12
TITLE = "Gain and cost of tuning"


def draw(results: Results) -> Drawing:
    """Draw the expected best validation accuracy in percent against the trainings spent."""
    tuning = results.tuning
    by = [name for name in panel_fields(results) if name not in TUNED]
    table = arms(tuning, ["method", *by])
    if not (table["configurations"] > 1).any():
        raise NothingToDraw("No method was trained with several configurations on tuning seeds.")
    shown = methods_of(results, table)
    across, up = "trainings spent", "expected best validation accuracy (%)"
    figure, placed, left_out = sheet(panels(results, table, by), 3.5, across, up)
    furthest = float(table["trainings"].max())
    for axes, panel in placed:
        _draw(axes, panel.rows, shown, furthest)
        axes.set_xlim(0, 1.04 * furthest)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(limits(table["best"].min() * 100, table["best"].max() * 100))
    note = sentences(
        _seeds(table),
        f"Tuned: {', '.join(_tuned(tuning))}.",
        "Exact expectation over all orders in which configurations may be tried; no band. A mark "
        "with a thin line: one configuration, nothing to tune (marks of equal cost are shifted "
        "sideways). The best is chosen and shown on the same validation images and seeds, which "
        "favours methods with more configurations: this is what a practitioner sees, not a result.",
        left_out,
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Expected best validation accuracy after a number of trainings, if a method's "
        "configurations are tried in random order, each on all tuning seeds. Methods without "
        "anything to tune have a single mark. The axis of accuracy does not start at zero."
    )
    return Drawing(figure, TITLE, caption, note)


def _draw(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look], furthest: float) -> None:
    marks_at: Counter[float] = Counter()
    for method, look in shown.items():
        line = rows[rows["method"] == method]
        across, single = line["trainings"], len(line) == 1
        if single:
            level, cost = float(line["best"].iloc[0]) * 100, float(across.iloc[0])
            axes.axhline(level, color=look.colour, ls=look.line, lw=0.8, alpha=0.7)
            across = across + 0.014 * furthest * marks_at[cost]  # so that no mark hides another
            marks_at[cost] += 1
        axes.plot(
            across,
            percent(line["best"]),
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            ms=8 if single else 6,
            mec="white",
            mew=0.8,
            lw=1.6,
        )


def _seeds(table: pd.DataFrame) -> str:
    fewest, most = int(table["fewest"].min()), int(table["most"].max())
    n = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return f"Mean over n = {n} tuning seed{'' if n == '1' else 's'} per configuration."


def _tuned(tuning: pd.DataFrame) -> list[str]:
    """Return the fields that differ within a method, in words."""
    counts = tuning.groupby("method")[list(TUNED)].nunique()
    return [heading(name) for name in TUNED if (counts[name] > 1).any()]
