"""Figures with panels, a title and a legend above them, and a note below."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.drawing import Drawing
from analysis.drawing.panels import MOST_PANELS
from analysis.drawing.style import SOFT, Style
from analysis.drawing.text import make_legible

#: Width of a figure in inches, by its number of columns of panels.
WIDTHS = {1: 7.0, 2: 9.5, 3: 11.5, 4: 11.5}
#: Widths of letters in inches: of a panel's title, of a legend's entry, of the note.
_OF_TITLE, _OF_ENTRY, _OF_NOTE = 0.098, 0.076, 0.068
#: Room for an entry's mark, in inches.
_HANDLE = 0.55


def columns_for(count: int, most: int = 3) -> int:
    """Return how many panels stand in a row: the most, or one less if fewer places are empty."""
    if count <= most:
        return max(count, 1)
    return min((most, most - 1), key=lambda columns: -count % columns)


def panel_grid(
    titles: Sequence[str],
    height: float | Sequence[float],
    *,
    sides: int = 1,
    columns: int = 0,
    up: str = "",
    shared: Literal["both", "up", "none"] = "both",
) -> tuple[Figure, np.ndarray]:
    """Return an empty figure, and its axes, [panels, sides], for at most `MOST_PANELS` axes.

    Panels with one side stand up to three in a row; the sides of a panel stand beside each other.

    Args:
        titles: a title for each panel; at least one.
        height: height of a panel in inches, or of each; the largest of a row counts.
        sides: number of axes of a panel, beside each other.
        columns: number of panels in a row, if it is not to be chosen.
        up: label of the vertical axis of the first panel in each row.
        shared: which limits all axes have in common: those of both directions, or only those of
            the vertical axis.
    """
    count = min(len(titles), MOST_PANELS // sides)
    columns = sides if sides > 1 else columns or columns_for(count)
    rows = math.ceil(count * sides / columns)
    each = [height] * count if isinstance(height, float) else list(height)[:count]
    per_row = columns // sides
    heights = [max(each[row * per_row : (row + 1) * per_row]) for row in range(rows)]
    figure = Figure(figsize=(WIDTHS[columns], sum(heights)), layout="constrained")
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex=shared == "both",
        sharey=shared != "none",
        height_ratios=heights,
    ).ravel()
    for axes in grid[count * sides :]:
        axes.set_visible(False)
    placed: np.ndarray = grid[: count * sides].reshape(count, sides)
    room = int((WIDTHS[columns] / columns - 0.7) / _OF_TITLE)
    for title, axes_of in zip(titles, placed, strict=False):
        for axes in axes_of:
            axes.set_title("\n".join(textwrap.wrap(title, room)))
            axes.tick_params(labelbottom=True)  # there may be no panel below
            if up and axes.get_subplotspec().is_first_col():
                axes.set_ylabel(up)
    return figure, placed


def add_title(axes: Axes, title: str) -> None:
    """Add a line to the title that axes have, if they have one."""
    axes.set_title("\n".join(filter(None, [axes.get_title(), title])))


def left_out(count: int, sides: int = 1) -> str:
    """Return a sentence on the panels that `panel_grid` has no room for, or ""."""
    most = MOST_PANELS // sides
    return f"Only the first {most} of {count} panels are shown." if count > most else ""


def finish(
    figure: Figure,
    title: str,
    caption: str,
    note: str,
    styles: Mapping[str, Style],
    further: Iterable[Artist] = (),
    *,
    marks: bool = True,
    lines: bool = True,
) -> Drawing:
    """Put the title and the legend above the panels and the note below them, and return them all.

    The figure grows by the room that these need, so the panels keep their size.

    Args:
        figure: a figure with panels, such as one made by `panel_grid`.
        title: the figure's title.
        caption: what it shows and how to read it, for the page around it.
        note: the text below the panels.
        styles: the methods in the legend.
        further: labelled artists that the legend shows after the methods.
        marks: whether methods are drawn with markers.
        lines: whether methods are drawn with lines.
    """
    wide, tall = figure.get_size_inches()
    handles: list[Artist] = [
        _entry(name, style, marks=marks, lines=lines) for name, style in styles.items()
    ]
    handles += further
    columns = _columns([str(handle.get_label()) for handle in handles], wide - 0.2)
    text = textwrap.wrap(note, int((wide - 0.2) / _OF_NOTE))
    above = 0.45 + (0.05 + 0.22 * math.ceil(len(handles) / columns) if handles else 0)
    below = 0.12 + 0.17 * len(text)
    total = tall + above + below
    figure.set_size_inches(wide, total)
    engine = figure.get_layout_engine()
    assert engine is not None  # noqa: S101  (`panel_grid` sets one)
    engine.set(rect=(0, below / total, 1, tall / total))  # type: ignore[call-arg]
    left = 0.1 / wide
    figure.text(left, 1 - 0.1 / total, title, va="top", size=13, weight="bold")
    figure.text(left, 0.08 / total, "\n".join(text), va="bottom", size=8.5, color=SOFT)
    if handles:
        figure.legend(
            handles=_by_row(handles, columns),
            loc="upper left",
            bbox_to_anchor=(left, 1 - 0.38 / total),
            ncols=columns,
            borderpad=0,
            columnspacing=1.4,
        ).set_in_layout(False)
    return Drawing(figure, title, caption, note)


def _entry(name: str, style: Style, *, marks: bool, lines: bool) -> Line2D:
    """Return a method's entry of a legend."""
    marker, line = style.marker if marks else "", style.line if lines else ""
    look: dict[str, Any] = {"marker": marker, "linestyle": line, "markeredgecolor": "none"}
    return Line2D([], [], color=style.colour, label=name, **look)


def settle(figure: Figure) -> None:
    """Compute the figure's layout and keep it, so that no file of it computes it again."""
    make_legible(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _columns(labels: Sequence[str], wide: float) -> int:
    """Return in how many columns a legend fits that is read row by row."""
    for columns in range(len(labels), 1, -1):
        widest = [max(map(len, labels[column::columns])) for column in range(columns)]
        if sum(_HANDLE + _OF_ENTRY * letters for letters in widest) <= wide:
            return columns
    return 1


def _by_row(handles: Sequence[Artist], columns: int) -> list[Artist]:
    """Return the entries of a legend in the order that shows them row by row.

    Matplotlib fills a legend column by column, and its first columns have one entry more.
    """
    rows = math.ceil(len(handles) / columns)
    grid = [handles[row * columns : (row + 1) * columns] for row in range(rows)]
    return [line[column] for column in range(columns) for line in grid if column < len(line)]
