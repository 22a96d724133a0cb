"""What the figures share: panels, the legend, the note on seeds and bands."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.cells import label, ordered, settings, sort, spread
from analysis.drawing.style import Look, looks
from analysis.tables import Results

#: More panels than these are hard to read on a page; what is left out is said on the figure.
MOST_PANELS = 12
_COLUMNS = 3


class NothingToDraw(Exception):  # noqa: N818  (no error: a study need not have every figure)
    """A figure does not apply to a study; the message is a sentence that says why."""


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        figure: matplotlib's figure.
        title: what it shows, in a few words.
        caption: what is seen and how to read it, in sentences.
        note: what the figure itself says below its panels: seeds, intervals, what is left out.
    """

    figure: Figure
    title: str
    caption: str
    note: str


@dataclass(frozen=True)
class Panel:
    """One panel: its title and its rows."""

    title: str
    rows: pd.DataFrame


def split(results: Results, frame: pd.DataFrame) -> list[Panel]:
    """The rows by the fields that are varied within a method, a panel each."""
    by = settings(results)
    return panels(results, spread(results, frame, by), by)


def panels(results: Results, frame: pd.DataFrame, by: Sequence[str]) -> list[Panel]:
    """The rows by these fields, a panel each; one panel without a title for no fields."""
    if not by:
        return [Panel("", frame)]
    groups = sort(results, frame, by).groupby(list(by), sort=False)
    return [
        Panel(label(dict(zip(by, key, strict=True))), rows.reset_index(drop=True))
        for key, rows in groups
    ]


def sheet(
    panels: Sequence[Panel],
    height: float,
    across: str,
    up: str,
    *,
    same: bool = True,
    same_up: bool = True,
) -> tuple[Figure, list[tuple[Axes, Panel]], str]:
    """An empty figure with axes for the panels, three in a row.

    Args:
        panels: at least one; those beyond `MOST_PANELS` are left out.
        height: of a row of panels, in inches.
        across: the horizontal axis, with its unit.
        up: the vertical axis, with its unit.
        same: whether all panels share the horizontal axis.
        same_up: whether all panels share the vertical axis.

    Returns:
        The figure, its axes with their panels, and a sentence on what is left out or "".
    """
    shown = panels[:MOST_PANELS]
    columns = min(len(shown), _COLUMNS)
    rows = math.ceil(len(shown) / columns)
    width = {1: 7.0, 2: 9.5, 3: 11.5}[columns]
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=same_up, sharex=same).ravel()
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    for axes, panel in zip(grid, shown, strict=False):
        axes.set_title("\n".join(textwrap.wrap(panel.title, 34)))
        axes.tick_params(labelbottom=True)  # the panel below may be an empty place
        axes.set_xlabel(across)
    for first in grid[::columns]:
        first.set_ylabel(up)
    left = len(panels) - len(shown)
    said = f"The first {len(shown)} of {len(panels)} panels; {left} are left out." if left else ""
    return figure, list(zip(grid, shown, strict=False)), said


def methods_of(results: Results, rows: pd.DataFrame) -> dict[str, Look]:
    """The methods among the rows in the order in which they are shown, with their looks."""
    every = [str(name) for name in ordered(results, "method")]
    present = set(rows["method"])
    return {name: look for name, look in looks(every).items() if name in present}


def finish(
    figure: Figure, title: str, shown: dict[str, Look], note: str, further: Sequence[Artist] = ()
) -> None:
    """Put the title and the methods' legend above the panels and the note below them.

    The figure grows by the room that they take, so that the panels keep their size.

    Args:
        figure: of `sheet` or its like.
        title: what it shows.
        shown: the methods in the legend.
        note: what stands below.
        further: what stands in the legend beside the methods, with labels.
    """
    wide, tall = figure.get_size_inches()
    columns = max(1, int((wide - 0.2) // 1.75))
    lines = textwrap.wrap(note, int(wide * 14.5))
    above = 0.45 + 0.24 * math.ceil((len(shown) + len(further)) / columns)
    below = 0.12 + 0.17 * len(lines)
    total = tall + above + below
    figure.set_size_inches(wide, total)
    engine = figure.get_layout_engine()
    assert engine is not None  # noqa: S101  (`sheet` chose one)
    engine.set(rect=(0, below / total, 1, tall / total))  # type: ignore[call-arg]
    left = 0.1 / wide
    figure.text(left, 1 - 0.1 / total, title, va="top", size=13, weight="bold")
    figure.text(left, 0.08 / total, "\n".join(lines), va="bottom", size=8.5, color="#444444")
    if shown or further:
        handles: list[Artist] = [
            Line2D([], [], color=look.colour, marker=look.marker, linestyle=look.line, label=name)
            for name, look in shown.items()
        ]
        handles += further
        place = (left, 1 - 0.38 / total)
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=place, ncols=columns, borderpad=0
        ).set_in_layout(False)


def seeds(counts: Iterable[int], mark: str) -> str:
    """The sentence on seeds and intervals that stands on a figure.

    Args:
        counts: number of seeds behind each of the means.
        mark: what shows the interval, such as ``band``.
    """
    found = sorted({int(n) for n in counts if n > 0})
    if not found:
        return "No trial with a recorded value."
    if found == [1]:
        return f"n = 1 seed: single trials, no {mark}."
    span = f"{found[0]} to {found[-1]}" if len(found) > 1 else f"{found[0]}"
    single = ", none where n = 1" if found[0] == 1 else ""
    return f"Mean over n = {span} seeds; {mark}: 95% t interval of the mean{single}."


def lost(trials: pd.DataFrame) -> str:
    """A sentence on diverged and dead trials and on those without accuracy, or ""."""
    counts = {
        "diverged": (trials["outcome"] == "diverged").sum(),
        "dead": (trials["outcome"] == "dead").sum(),
    }
    said = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    missing = trials["test_accuracy"].isna().sum()
    if missing:
        said.append(f"{missing} without a recorded accuracy (not in the means)")
    return f"Of {len(trials)} trials: {', '.join(said)}." if said else ""


def completed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of trials that neither diverged nor died; all rows where there is none.

    These decide what part of an axis is shown: one trial at chance would press all others
    together. What lies outside is told on the figure.
    """
    sound = rows[rows["outcome"] == "completed"]
    return rows if sound.empty else sound


def sentences(*parts: str) -> str:
    """The parts that say something, one after another."""
    return " ".join(part for part in parts if part)


def limits(low: float, high: float, room: float = 0.06) -> tuple[float, float]:
    """Axis limits with some room around the values.

    Args:
        low: the smallest value, in percent or points.
        high: the largest.
        room: on either side, a fraction of the range.
    """
    extra = max((high - low) * room, 0.05)
    return low - extra, high + extra


def percent(fractions: pd.Series) -> np.ndarray:
    """Fractions as percentages, [n]."""
    return np.asarray(fractions, float) * 100
