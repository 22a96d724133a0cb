"""Histograms by fate: one of the connections that are kept, one of those that are changed."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from analysis.cells import BASELINE, varying
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.arms import arm_panels, chosen_arms, one_arm_each
from analysis.drawing.layout import WIDTHS, columns_for, finish
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.style import INK, KEPT, PAPER, Style
from analysis.numbers import extent, number
from analysis.tables import Results

#: More rows are hard to read on a page, and with more columns each is too small.
_ROWS, _COLUMNS = 6, 4
#: Height of a row, in inches.
_HIGH = 2.2
_BINS = 40
#: The fraction of the values that the view may leave out at either end, where they are sparse.
_TAIL = 0.002


@dataclass(frozen=True)
class Quantity:
    """The quantity of a connection whose histogram is drawn.

    Attributes:
        name: `weights` or `scores`, with which the columns of `layers` begin.
        low: the lower end of the first bin, in SQL.
        high: the upper end of the last bin, in SQL.
        across: label of the horizontal axis.
    """

    name: str
    low: str
    high: str
    across: str


@dataclass(frozen=True)
class Histogram:
    """The two histograms of a cell.

    Attributes:
        method: the method.
        edges: of the bins, [bins + 1].
        kept: number of kept connections per bin, [bins].
        changed: number of pruned or flipped connections per bin, [bins].
    """

    method: str
    edges: NDArray[np.float64]
    kept: NDArray[np.float64]
    changed: NDArray[np.float64]


@dataclass(frozen=True)
class Histograms:
    """What a figure with histograms shows.

    Attributes:
        rows: the title and the histograms of each row of panels.
        styles: the methods with their styles, in the order of the columns.
        across: label of the horizontal axis.
        note: the sentences below the panels.
    """

    rows: tuple[tuple[str, tuple[Histogram, ...]], ...]
    styles: Mapping[str, Style] = field(repr=False)
    across: str
    note: str

    def draw(self, title: str, caption: str) -> Drawing:
        """Draw the histograms.

        Args:
            title: the figure's title.
            caption: the figure's caption.
        """
        columns = columns_for(len(self.styles), _COLUMNS)
        deep = math.ceil(len(self.styles) / columns)  # rows of axes for each row
        rows = deep * len(self.rows)
        figure = Figure(figsize=(WIDTHS[max(columns, 2)], _HIGH * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        places = {method: divmod(place, columns) for place, method in enumerate(self.styles)}
        filled = set()
        for number_of_row, (name, histograms_of_row) in enumerate(self.rows):
            grid[number_of_row * deep, 0].set_ylabel(
                "\n".join([*textwrap.wrap(name, 26), "connections (%)"])
            )
            for histogram in histograms_of_row:
                down, across = places[histogram.method]
                axes = grid[number_of_row * deep + down, across]
                _draw(axes, histogram, self.styles[histogram.method])
                axes.set_xlabel(self.across if number_of_row == len(self.rows) - 1 else "")
                filled.add(axes)
        for axes in grid.ravel():
            if axes not in filled:
                _empty(axes)
        fates = [
            Patch(facecolor=KEPT, label="kept"),
            Patch(facecolor=PAPER, edgecolor=INK, label="pruned or flipped"),
        ]
        return finish(figure, title, caption, self.note, {}, fates)


def histograms(results: Results, quantity: Quantity) -> pd.DataFrame:
    """Return the histograms of each trial's largest layer after the last epoch, summed over seeds.

    Trials whose bins have different ends are counted in common bins; the connections of a bin are
    taken to be spread evenly over it.

    Args:
        results: the study.
        quantity: the quantity.

    Returns:
        A row per cell of the methods that prune or flip: the fields in which cells differ, `layer`
        (its name), `n` (trials), `edges` of the common bins [bins + 1], and the numbers of
        connections `kept` and `changed`, each [bins].
    """
    by = varying(results)
    rows = _largest(results, quantity, by)
    columns_of_cells = "min(low) AS low, max(high) AS high, count(*) AS n, min(layer_name) AS layer"
    keys = ", ".join(by)
    cells: pd.DataFrame = rows.aggregate(f"{keys}, {columns_of_cells}", keys).order(keys).df()
    places = {key: place for place, key in enumerate(cells[by].itertuples(index=False, name=None))}
    views = zip(cells["low"].astype(float), cells["high"].astype(float), strict=True)
    edges = [np.linspace(low, _above(low, high), _BINS + 1) for low, high in views]
    sums = np.zeros((len(cells), 2, _BINS))
    for trial in _each(rows):
        place = places[tuple(trial[name] for name in by)]
        for fate, counts in enumerate((trial["kept"], trial["changed"])):
            sums[place, fate] += rebin(counts, trial["low"], trial["high"], edges[place])
    arrays = {"edges": edges, "kept": list(sums[:, 0]), "changed": list(sums[:, 1])}
    columns = {name: pd.Series(values, dtype=object) for name, values in arrays.items()}
    return cells.drop(columns=["low", "high"]).assign(**columns)


def rebin(counts: Sequence[int], low: float, high: float, edges: np.ndarray) -> np.ndarray:
    """Return counts in bins of equal width as counts in other bins.

    Args:
        counts: per bin; taken to be spread evenly within a bin.
        low: the lower end of the first bin.
        high: the upper end of the last bin.
        edges: the edges of the other bins, from `low` or less to `high` or more.

    Returns:
        Counts per other bin, [len(edges) - 1], with the same sum.
    """
    old = np.linspace(low, _above(low, high), len(counts) + 1)
    return np.diff(np.interp(edges, old, np.concatenate([[0], np.cumsum(counts)])))


def _above(low: float, high: float) -> float:
    """Return the upper end, or a value above the lower end if the two are equal."""
    return high if high > low else low + 1.0


def _largest(results: Results, quantity: Quantity, by: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """Return the final histograms of each trial's largest layer, the first of equals.

    In the order of the attempts: the sums over seeds depend on it in their last bits.
    """
    name = quantity.name
    columns = {
        "layer_name": "layer_name",
        "low": quantity.low,
        "high": quantity.high,
        "kept": f"{name}_kept",
        "changed": f"{name}_changed",
    }
    largest = [
        f"first({sql} ORDER BY connections DESC, layer) AS {column}"
        for column, sql in columns.items()
    ]
    keys = ", ".join(["attempt", *by])
    last = results.final_layers.filter(f"method <> '{BASELINE}'")
    return (
        last.aggregate(f"{keys}, {', '.join(largest)}", keys)
        .filter("kept IS NOT NULL")
        .order("attempt")
    )


def _each(rows: duckdb.DuckDBPyRelation) -> Iterator[dict[str, Any]]:
    """Yield the rows with few of them in memory at a time."""
    for batch in rows.to_arrow_reader(1024):
        yield from batch.to_pylist()


def by_fate(results: Results, quantity: Quantity, missing: str) -> Histograms:
    """Return the histograms: a column per method, rows for the fields that vary within a method.

    Args:
        results: the study.
        quantity: the quantity.
        missing: the sentence for results without such histograms.

    Raises:
        NothingToDraw: there are no such histograms.
    """
    cells = one_arm_each(results, histograms(results, quantity))
    if cells.empty:
        raise NothingToDraw(missing)
    table, hidden = _informative(cells)
    styles = styles_of(results, table)
    every = arm_panels(results, table)
    deep = math.ceil(len(styles) / columns_for(len(styles), _COLUMNS))
    shown = every[: max(1, _ROWS // deep)]
    layers = " or ".join(dict.fromkeys(table["layer"]))
    note = sentences(
        f"The network's largest layer ({layers}), summed over n = {extent(table['n'], 'seed')}. "
        "Each histogram is in percent of its own connections; no intervals.",
        f"Up to {100 * _TAIL:g}% of each at either end may lie outside the view. Dashed: zero.",
        hidden,
        diverged_or_dead(results.trials),
        chosen_arms(results),
        f"Only the first {len(shown)} of {len(every)} rows are shown."
        if len(shown) < len(every)
        else "",
    )
    rows = tuple((panel.title, _of_row(panel.rows, styles)) for panel in shown)
    return Histograms(rows, styles, quantity.across, note)


def _of_row(rows: pd.DataFrame, styles: Mapping[str, Style]) -> tuple[Histogram, ...]:
    cells = {str(row["method"]): row for _, row in rows.iterrows()}
    return tuple(
        Histogram(method, row["edges"], row["kept"], row["changed"])
        for method in styles
        if (row := cells.get(method)) is not None
    )


def _informative(cells: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the cells with informative histograms, or all if none is, and a sentence on the rest.

    A cell in which nothing is changed is not informative, nor is one whose values all lie at the
    two ends, such as weights of one magnitude.
    """
    changed = cells["changed"].map(np.any)
    wide = (cells["kept"] + cells["changed"]).map(lambda counts: counts[1:-1].any())
    if not (changed & wide).any():
        return cells, ""
    reasons = {"nothing is changed": ~changed, "all values have one magnitude": changed & ~wide}
    hidden = [f"in which {why} ({count})" for why, of in reasons.items() if (count := of.sum())]
    return cells[changed & wide], f"Not shown: cells {', '.join(hidden)}." if hidden else ""


def _empty(axes: Axes) -> None:
    """Clear axes without a histogram, except for the label of the row."""
    axes.set(xticks=[], yticks=[], xlabel="")
    axes.spines[:].set_visible(False)


def _draw(axes: Axes, histogram: Histogram, style: Style) -> None:
    """Draw the two histograms of a cell over each other."""
    edges, fates = histogram.edges, (histogram.kept, histogram.changed)
    kept, changed = (100 * counts / max(counts.sum(), 1) for counts in fates)
    axes.stairs(kept, edges, fill=True, color=KEPT)
    axes.stairs(changed, edges, color=style.colour, lw=1.5)
    views = [_middle(counts, edges) for counts in fates if counts.any()]
    low, high = min(ends[0] for ends in views), max(ends[1] for ends in views)
    axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.set_ylim(0, 1.08 * max(kept.max(), changed.max()))
    if low < 0 < high:
        axes.axvline(0, color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    share = 100 * histogram.changed.sum() / sum(counts.sum() for counts in fates)
    title = f"{histogram.method}: {number(share, 1 if share >= 1 else 2)}% changed"
    axes.set_title("\n".join(textwrap.wrap(title, 36)))


def _middle(counts: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """Return the ends of the bins that hold all but the tails of the counts."""
    passed = np.cumsum(counts) / counts.sum()
    first, last = np.searchsorted(passed, [_TAIL, 1 - _TAIL])
    return float(edges[first]), float(edges[min(last, len(counts) - 1) + 1])
