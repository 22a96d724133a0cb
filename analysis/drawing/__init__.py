"""What all figures share: panels, the legend, the note on seeds and intervals."""

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

from analysis.cells import label, ordered, panel_fields, sort, spread
from analysis.drawing.style import Look, looks
from analysis.tables import Results

#: More panels are hard to read on a page; the figure says how many are left out.
MOST_PANELS = 12
_COLUMNS = 3


class NothingToDraw(Exception):  # noqa: N818  (not an error: a study need not have every figure)
    """A figure does not apply to a study; the message is a sentence that says why."""


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        figure: matplotlib's figure.
        title: what it shows, in a few words.
        caption: what it shows and how to read it, in sentences.
        note: the text below its panels: seeds, intervals, what is left out.
    """

    figure: Figure
    title: str
    caption: str
    note: str


@dataclass(frozen=True)
class Panel:
    """A panel: its title and its rows."""

    title: str
    rows: pd.DataFrame


def split(results: Results, frame: pd.DataFrame) -> list[Panel]:
    """Return a panel for each combination of the fields that vary within a method."""
    by = panel_fields(results)
    return panels(results, spread(results, frame, by), by)


def panels(results: Results, frame: pd.DataFrame, by: Sequence[str]) -> list[Panel]:
    """Return a panel for each combination of these fields; without fields one untitled panel."""
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
    """Return an empty figure with axes for the panels, three in a row.

    Args:
        panels: at least one; those beyond `MOST_PANELS` are left out.
        height: height of a row of panels, in inches.
        across: label of the horizontal axis, with its unit.
        up: label of the vertical axis, with its unit.
        same: whether all panels share the horizontal axis.
        same_up: whether all panels share the vertical axis.

    Returns:
        The figure, its axes with their panels, and a sentence on the panels left out or "".
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
        axes.tick_params(labelbottom=True)  # there may be no panel below
        axes.set_xlabel(across)
    for first in grid[::columns]:
        first.set_ylabel(up)
    left_out = (
        f"Only the first {len(shown)} of {len(panels)} panels are shown."
        if len(shown) < len(panels)
        else ""
    )
    return figure, list(zip(grid, shown, strict=False)), left_out


def methods_of(results: Results, rows: pd.DataFrame) -> dict[str, Look]:
    """Return the methods among the rows with their looks, in the order of display."""
    names = [str(name) for name in ordered(results, "method")]
    present = set(rows["method"])
    return {name: look for name, look in looks(names).items() if name in present}


def finish(
    figure: Figure, title: str, shown: dict[str, Look], note: str, further: Sequence[Artist] = ()
) -> None:
    """Put the title and the methods' legend above the panels and the note below them.

    The figure grows by the room that these need, so the panels keep their size.

    Args:
        figure: a figure with panels, such as one made by `sheet`.
        title: the figure's title.
        shown: the methods in the legend.
        note: the text below the panels.
        further: labelled artists that the legend shows after the methods.
    """
    wide, tall = figure.get_size_inches()
    longest = max((len(name) for name in shown), default=0)
    columns = max(1, int((wide - 0.2) // max(1.75, 0.55 + 0.078 * longest)))
    lines = textwrap.wrap(note, int(wide * 14.5))
    above = 0.45 + 0.24 * math.ceil((len(shown) + len(further)) / columns)
    below = 0.12 + 0.17 * len(lines)
    total = tall + above + below
    figure.set_size_inches(wide, total)
    engine = figure.get_layout_engine()
    assert engine is not None  # noqa: S101  (`sheet` sets one)
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
    """Return the sentence on seeds and intervals below a figure.

    Args:
        counts: number of seeds of each mean.
        mark: what shows the interval, such as ``band``.
    """
    sizes = sorted({int(n) for n in counts if n > 0})
    if not sizes:
        return "No trial with a recorded value."
    if sizes == [1]:
        return f"n = 1 seed: single trials, no {mark}."
    span = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    single = ", none where n = 1" if sizes[0] == 1 else ""
    return f"Mean over n = {span} seeds; {mark}: 95% t interval of the mean{single}."


def diverged_or_dead(trials: pd.DataFrame) -> str:
    """Return a sentence on diverged or dead trials and on those without accuracy, or ""."""
    counts = {
        "diverged": (trials["outcome"] == "diverged").sum(),
        "dead": (trials["outcome"] == "dead").sum(),
    }
    phrases = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    missing = trials["test_accuracy"].isna().sum()
    if missing:
        phrases.append(f"{missing} without a recorded accuracy (not in the means)")
    return f"Of {len(trials)} trials: {', '.join(phrases)}." if phrases else ""


def completed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of completed trials; all rows if every trial is diverged or dead.

    Axis limits are set by completed trials, because one trial at chance would leave no room for
    the differences between the others. The figure says what lies outside.
    """
    sound = rows[rows["outcome"] == "completed"]
    return rows if sound.empty else sound


def sentences(*parts: str) -> str:
    """Join the parts that are not empty."""
    return " ".join(part for part in parts if part)


def limits(low: float, high: float, room: float = 0.06) -> tuple[float, float]:
    """Return axis limits with some room around the values.

    Args:
        low: the smallest value, in percent or points.
        high: the largest value.
        room: the room on either side, a fraction of the range.
    """
    extra = max((high - low) * room, 0.05)
    return low - extra, high + extra


def percent(fractions: pd.Series) -> np.ndarray:
    """Return fractions as percentages, [n]."""
    return np.asarray(fractions, float) * 100
