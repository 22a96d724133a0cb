"""Accuracy against the chosen density, with the methods that need none as horizontal lines."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import panel_fields, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    completed,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    panels,
    seeds,
    sentences,
    sheet,
)
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.tables import Results

ORDER = 5
TITLE = "Test accuracy against the density"


def draw(results: Results) -> Drawing:
    """Draw mean final test accuracy in percent: points over densities, and horizontal lines."""
    by = varying(results)
    trials = results.trials.dropna(subset="test_accuracy")
    if "density" not in by or trials.loc[trials["density"] > 0, "density"].nunique() < 2:
        raise NothingToDraw("No method is trained at several densities.")
    means = grouped(trials, by, "test_accuracy")
    look = methods_of(results, trials)
    others = [name for name in panel_fields(results) if name != "density"]
    to_draw = [p for p in panels(results, means, others) if (p.rows["density"] > 0).any()]
    figure, placed, left_out = sheet(to_draw, 3.6, "density", "test accuracy (%)")
    sound = grouped(completed(trials), by, "test_accuracy")[["mean", "high"]] * 100
    tenth, best = float(sound["mean"].quantile(0.1)), float(sound["mean"].max())
    low, high = limits(2 * tenth - best, min(float(sound.max().max()), 100.0))
    for axes, panel in placed:
        _draw(axes, panel.rows, look)
        axes.set_ylim(low, min(high, 100.3))
    count = (means["mean"] * 100 < low).sum()
    below = f"{count} of {len(means)} means lie below the axis." if count else ""
    note = sentences(
        seeds(means["n"], "bar or band"), below, diverged_or_dead(results.trials), left_out
    )
    finish(figure, TITLE, look, note)
    caption = (
        "Test accuracy after the last epoch against the density, the fraction of connections that "
        "a method is set to keep. Horizontal lines with a band: methods that need no density. "
        "Higher is better. The axis does not start at zero."
    )
    return Drawing(figure, TITLE, caption, note)


def _draw(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> None:
    with_density = set(rows.loc[rows["density"] > 0, "method"])
    names = [method for method in shown if method in with_density]
    # Shifted sideways, so that no bar hides another.
    aside = {name: 0.008 * (i - (len(names) - 1) / 2) for i, name in enumerate(names)}
    for method, look in shown.items():
        cells = rows[rows["method"] == method].sort_values("density")
        chosen, free = cells[cells["density"] > 0], cells[cells["density"] == 0]
        for _, cell in free.iterrows():
            axes.axhline(cell["mean"] * 100, color=look.colour, linestyle=look.line, lw=1.6)
            axes.axhspan(cell["low"] * 100, cell["high"] * 100, color=look.colour, alpha=0.08, lw=0)
        if len(chosen):
            half = ((chosen["high"] - chosen["mean"]) * 100).fillna(0)
            axes.errorbar(
                chosen["density"] + aside[method],
                chosen["mean"] * 100,
                yerr=half,
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                ms=6,
                lw=1.6,
                capsize=2.5,
            )
