"""Histograms by fate: of the connections that are kept, and of those that are changed."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analysis.cells import BASELINE, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    finish,
    lost,
    methods_of,
    sentences,
    split,
)
from analysis.drawing.style import Look
from analysis.numbers import many, number
from analysis.tables import Results

#: More rows than these are hard to read on a page, and more columns too small.
_ROWS, _COLUMNS = 6, 4
#: Inches, of a row.
_HIGH = 2.2
_BINS = 40
_KEPT = "#C4C4C4"
#: Of the values a share that the view may leave out at either end: a few far away press all others.
_TAIL = 0.002


@dataclass(frozen=True)
class Quantity:
    """What of a connection is counted.

    Attributes:
        name: `weights` or `scores`; the columns of `layers` are named after it.
        low: the lower end of the first bin, in SQL.
        high: the upper end of the last.
        across: the horizontal axis.
    """

    name: str
    low: str
    high: str
    across: str


def histograms(results: Results, quantity: Quantity) -> pd.DataFrame:
    """The histograms after the last epoch of each trial's largest layer, summed over seeds.

    Trials whose bins have other ends are counted in common bins, those of a bin spread evenly.

    Args:
        results: the study.
        quantity: what is counted.

    Returns:
        A row per cell of the methods that prune or flip: the fields in which cells differ, `layer`
        (its name), `n` (trials), `edges` of the common bins [bins + 1], and the numbers of
        connections `kept` and `changed`, each [bins].
    """
    by = varying(results)
    rows = _largest(results, quantity, by)
    about = "min(low) AS low, max(high) AS high, count(*) AS n, min(layer_name) AS layer"
    cells: pd.DataFrame = rows.aggregate(f"{', '.join(by)}, {about}", ", ".join(by)).df()
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
    """Counts in bins of equal width between two ends, in other bins.

    Args:
        counts: per bin; within a bin they are taken to be spread evenly.
        low: the lower end of the first bin.
        high: the upper end of the last.
        edges: of the other bins, from `low` or less to `high` or more.

    Returns:
        Counts per other bin, whose sum is the same, [len(edges) - 1].
    """
    old = np.linspace(low, _above(low, high), len(counts) + 1)
    return np.diff(np.interp(edges, old, np.concatenate([[0], np.cumsum(counts)])))


def _above(low: float, high: float) -> float:
    """The upper end; something above the lower one where all values are the same."""
    return high if high > low else low + 1.0


def _largest(results: Results, quantity: Quantity, by: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """The last histograms of each trial's largest layer, the first of equals."""
    name = quantity.name
    wanted = {
        "layer_name": "layer_name",
        "low": quantity.low,
        "high": quantity.high,
        "kept": f"{name}_kept",
        "changed": f"{name}_changed",
    }
    largest = [
        f"first({of} ORDER BY connections DESC, layer) AS {as_}" for as_, of in wanted.items()
    ]
    keys = ", ".join(["attempt", *by])
    last = results.final_layers.filter(f"method <> '{BASELINE}'")
    return last.aggregate(f"{keys}, {', '.join(largest)}", keys).filter("kept IS NOT NULL")


def _each(rows: duckdb.DuckDBPyRelation) -> Iterator[dict[str, Any]]:
    """The rows, few at a time in memory."""
    for batch in rows.to_arrow_reader(1024):
        yield from batch.to_pylist()


def by_fate(
    results: Results, quantity: Quantity, title: str, caption: str, missing: str
) -> Drawing:
    """Draw the histograms, a column per method, rows for the settings.

    Args:
        results: the study.
        quantity: what is counted.
        title: the figure's.
        caption: how it is read.
        missing: the sentence for results without such histograms.

    Raises:
        NothingToDraw: there are none.
    """
    every = histograms(results, quantity)
    if every.empty:
        raise NothingToDraw(missing)
    table, hidden = _telling(every)
    shown = methods_of(results, table)
    figure, placed, left_out = _grid(split(results, table), shown, quantity)
    for axes, row, look in placed:
        _draw(axes, row, look)
    layers = " or ".join(dict.fromkeys(table["layer"]))
    note = sentences(
        f"The network's largest layer ({layers}), summed over n = {_seeds(table['n'])}, each "
        "histogram in percent of its own connections; no intervals.",
        f"Up to {100 * _TAIL:g}% of each at either end may lie outside the view. Dashed: zero.",
        hidden,
        lost(results.trials),
        left_out,
    )
    fates = [
        Patch(facecolor=_KEPT, label="kept"),
        Patch(facecolor="white", edgecolor="#333333", label="pruned or flipped"),
    ]
    finish(figure, title, {}, note, fates)
    return Drawing(figure, title, caption, note)


def _telling(every: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The cells whose histograms tell something, or all if there is none, and the sentence on them.

    Those in which nothing is changed tell nothing, nor do those of which all values are at the two
    ends, as weights of one magnitude are: what is changed of them the signs tell.
    """
    changed = every["changed"].map(np.any)
    wide = (every["kept"] + every["changed"]).map(lambda counts: counts[1:-1].any())
    if not (changed & wide).any():
        return every, ""
    reasons = {"nothing is changed": ~changed, "all are of one magnitude": changed & ~wide}
    said = [f"in which {why} ({count})" for why, of in reasons.items() if (count := of.sum())]
    return every[changed & wide], f"Not shown: cells {', '.join(said)}." if said else ""


def _seeds(counts: pd.Series) -> str:
    least, most = counts.min(), counts.max()
    return many(most, "seed") if least == most else f"{least} to {most} seeds"


def _grid(
    panels: Sequence[Panel], shown: dict[str, Look], quantity: Quantity
) -> tuple[Figure, list[tuple[Axes, pd.Series, Look]], str]:
    """Axes for each setting and method, and a sentence on what is left out."""
    columns = min(len(shown), _COLUMNS)
    deep = math.ceil(len(shown) / columns)  # rows of a setting
    told = panels[: max(1, _ROWS // deep)]
    wide = {1: 7.0, 2: 7.0, 3: 9.5, 4: 11.5}[columns]
    figure = Figure(figsize=(wide, _HIGH * deep * len(told)), layout="constrained")
    grid = figure.subplots(deep * len(told), columns, squeeze=False)
    placed = []
    for setting, panel in enumerate(told):
        cells = {str(row["method"]): row for _, row in panel.rows.iterrows()}
        for place, (method, look) in enumerate(shown.items()):
            axes = grid[setting * deep + place // columns, place % columns]
            if place % columns == 0:
                axes.set_ylabel("\n".join([*textwrap.wrap(panel.title, 26), "connections (%)"]))
            axes.set_xlabel(quantity.across if setting == len(told) - 1 else "")
            if method in cells:
                placed.append((axes, cells[method], look))
    drawn = [axes for axes, *_ in placed]
    for axes in grid.ravel():
        if axes not in drawn:
            _empty(axes)
    said = (
        f"The first {len(told)} of {len(panels)} settings; {len(panels) - len(told)} are left out."
    )
    return figure, placed, said if len(told) < len(panels) else ""


def _empty(axes: Axes) -> None:
    """Leave of a place without a histogram no more than its row's name."""
    axes.set(xticks=[], yticks=[], xlabel="")
    axes.spines[:].set_visible(False)


def _draw(axes: Axes, row: pd.Series, look: Look) -> None:
    """Draw the two histograms of one cell over each other."""
    edges, fates = row["edges"], [row["kept"], row["changed"]]
    kept, changed = (100 * counts / max(counts.sum(), 1) for counts in fates)
    axes.stairs(kept, edges, fill=True, color=_KEPT)
    axes.stairs(changed, edges, color=look.colour, lw=1.5)
    views = [_middle(counts, edges) for counts in fates if counts.any()]
    low, high = min(ends[0] for ends in views), max(ends[1] for ends in views)
    axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.set_ylim(0, 1.08 * max(kept.max(), changed.max()))
    if low < 0 < high:
        axes.axvline(0, color="#333333", lw=0.8, ls=(0, (4, 3)), zorder=1.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    share = 100 * row["changed"].sum() / sum(counts.sum() for counts in fates)
    said = f"{row['method']}: {number(share, 1 if share >= 1 else 2)}% changed"
    axes.set_title("\n".join(textwrap.wrap(said, 36)))


def _middle(counts: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """The ends of the bins that hold all but the tails of the counts."""
    passed = np.cumsum(counts) / counts.sum()
    first, last = np.searchsorted(passed, [_TAIL, 1 - _TAIL])
    return float(edges[first]), float(edges[min(last, len(counts) - 1) + 1])
