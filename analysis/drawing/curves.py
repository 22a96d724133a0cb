"""Curves against the epoch: how they are estimated and drawn."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.cells import varying
from analysis.drawing.style import Look
from analysis.estimates.intervals import ESTIMATED, grouped
from analysis.tables import Results


def curves(results: Results, value: str, *, sound: bool = False) -> pd.DataFrame:
    """Return the mean over seeds of a column of `epochs` with its t interval, per cell and epoch.

    Args:
        results: the study.
        value: the column, or an SQL expression of columns.
        sound: whether to leave out diverged or dead trials, unless there are no others.

    Returns:
        A row per cell and epoch: the fields in which cells differ, epoch, and the columns of
        `grouped`.
    """
    only_completed = sound and (results.trials["outcome"] == "completed").any()
    rows = results.epochs.filter("outcome = 'completed'") if only_completed else results.epochs
    return grouped(rows, [*varying(results), "epoch"], value)


def draw_curves(
    axes: Axes, rows: pd.DataFrame, shown: dict[str, Look], *, scale: float = 100
) -> None:
    """Draw a line and a band per method.

    Args:
        axes: the panel's axes.
        rows: rows of `curves`, one cell per method.
        shown: the methods with their looks.
        scale: factor on the values; 100 draws fractions in percent.
    """
    across, up = axes.get_xlabel(), axes.get_ylabel()
    for method, look in shown.items():
        line = rows[rows["method"] == method].sort_values("epoch")
        if line.empty:
            continue
        sns.lineplot(
            x=line["epoch"],
            y=line["mean"] * scale,
            ax=axes,
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markevery=max(1, len(line) // 10),
            markersize=5.5,
            linewidth=1.6,
            errorbar=None,
        )
        band = line["low"] * scale, line["high"] * scale
        axes.fill_between(line["epoch"], *band, color=look.colour, alpha=0.18, linewidth=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=across, ylabel=up)  # seaborn replaces the labels by names of columns


def top_view(rows: pd.DataFrame) -> tuple[float, float]:
    """Return limits in percent that show the differences between the methods at the end.

    The rise in the first epochs is far larger than these. The view reaches from the highest value
    to the lowest final mean, and further down by the distance of the two, at least by two points.
    The wide bands of few seeds do not widen the view.

    Args:
        rows: rows of `curves`, fractions.
    """
    last = rows.sort_values("epoch").groupby(_cells(rows), sort=False).tail(1)
    best, lowest = rows["mean"].max() * 100, last["mean"].min() * 100
    highest = max(best, min(rows["high"].max() * 100, 100.0))
    below = max(best - lowest, 2.0)
    floor = max(rows[["mean", "low"]].min().min() * 100, lowest - below)
    return floor, highest


def _cells(rows: pd.DataFrame) -> list[str]:
    return [c for c in rows.columns if c not in ("epoch", *ESTIMATED)]
