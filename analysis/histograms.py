"""Histograms by fate: of the connections that are kept, and of those that are changed."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.cells import BASELINE, varying
from analysis.drawing import Drawing, NothingToDraw, Panel, finish, methods_of, sentences, split
from analysis.style import Look
from analysis.tables import Results
from analysis.wording import many, number

#: More panels than these are hard to read on a page, and more than these in a row too small.
_MOST, _COLUMNS = 24, 4
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
    keys = ", ".join(by)
    ends = f"{keys}, min(low) AS low, max(high) AS high, count(*) AS n, min(layer_name) AS layer"
    cells: pd.DataFrame = rows.aggregate(ends, keys).df()
    places = {key: place for place, key in enumerate(cells[by].itertuples(index=False, name=None))}
    kept: dict[int, np.ndarray] = {}
    changed: dict[int, np.ndarray] = {}
    edges: dict[int, np.ndarray] = {}
    for trial in _each(rows):
        place = places[tuple(trial[name] for name in by)]
        cell = cells.loc[place]
        for found, counts in ((kept, trial["kept"]), (changed, trial["changed"])):
            edges[place] = np.linspace(
                cell["low"], _above(cell["low"], cell["high"]), len(counts) + 1
            )
            new = rebin(counts, trial["low"], trial["high"], edges[place])
            found[place] = found.get(place, 0) + new
    return cells.assign(
        edges=pd.Series(edges, dtype=object),
        kept=pd.Series(kept, dtype=object),
        changed=pd.Series(changed, dtype=object),
    ).drop(columns=["low", "high"])


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
    wanted = (
        f"SELECT {', '.join(by)}, layer_name, {quantity.low} AS low, {quantity.high} AS high, "
        f"{name}_kept AS kept, {name}_changed AS changed FROM last "
        "QUALIFY row_number() OVER (PARTITION BY attempt ORDER BY connections DESC, layer) = 1"
    )
    last = results.final_layers.filter(f"method <> '{BASELINE}' AND {name}_kept IS NOT NULL")
    return last.query("last", wanted)


def _each(rows: duckdb.DuckDBPyRelation):  # noqa: ANN202
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
    table = histograms(results, quantity)
    if table.empty:
        raise NothingToDraw(missing)
    shown = methods_of(results, table)
    figure, placed, left_out = _grid(split(results, table), shown, quantity)
    for axes, row, look in placed:
        _draw(axes, row, look)
    n = sorted(set(table["n"]))
    over = many(n[0], "seed") if len(n) == 1 else f"{n[0]} to {n[-1]} seeds"
    layers = " or ".join(dict.fromkeys(table["layer"]))
    note = sentences(
        f"The largest layer of the network ({layers}), summed over n = {over}; each fate in "
        "percent of its own connections. No interval.",
        f"Up to {100 * _TAIL:g}% at either end lie outside the view.",
        left_out,
    )
    fates = [
        Patch(facecolor=_KEPT, label="kept"),
        Patch(facecolor="white", edgecolor="#333333", label="pruned or flipped"),
    ]
    finish(figure, title, {}, note, fates)
    return Drawing(figure, title, caption, note)


def _grid(
    panels: Sequence[Panel], shown: dict[str, Look], quantity: Quantity
) -> tuple[Figure, list[tuple[Axes, pd.Series, Look]], str]:
    """Axes for each setting and method, and a sentence on what is left out."""
    columns = min(len(shown), _COLUMNS)
    deep = math.ceil(len(shown) / columns)  # rows of a setting
    settings = panels[: max(1, _MOST // (deep * columns))]
    wide = 7.0 if columns < 3 else 11.5
    figure = Figure(figsize=(wide, 2.3 * deep * len(settings)), layout="constrained")
    grid = figure.subplots(deep * len(settings), columns, squeeze=False)
    placed = []
    for axes in grid.ravel():
        axes.set_visible(False)
    for number_, panel in enumerate(settings):
        rows = panel.rows.set_index("method")
        for place, (method, look) in enumerate(shown.items()):
            axes = grid[number_ * deep + place // columns, place % columns]
            if method not in rows.index:
                continue
            axes.set_visible(True)
            axes.set_title(method)
            if place % columns == 0:
                axes.set_ylabel("\n".join([*textwrap.wrap(panel.title, 26), "connections (%)"]))
            if number_ == len(settings) - 1:
                axes.set_xlabel(quantity.across)
            placed.append((axes, rows.loc[method], look))
    left = len(panels) - len(settings)
    said = f"The first {len(settings)} of {len(panels)} settings; {left} are left out."
    return figure, placed, said if left else ""


def _draw(axes: Axes, row: pd.Series, look: Look) -> None:
    """Draw the two histograms of one cell over each other."""
    kept, changed, edges = row["kept"], row["changed"], row["edges"]
    if kept.sum():
        axes.stairs(100 * kept / kept.sum(), edges, fill=True, color=_KEPT)
    if changed.sum():
        axes.stairs(100 * changed / changed.sum(), edges, color=look.colour, lw=1.5)
    total = kept + changed
    passed = np.cumsum(total) / total.sum()
    first, last = np.searchsorted(passed, [_TAIL, 1 - _TAIL])
    low, high = edges[first], edges[min(last, len(total) - 1) + 1]
    axes.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    axes.set_ylim(bottom=0)
    axes.margins(y=0.25)
    share = number(100 * changed.sum() / total.sum(), 1)
    axes.text(
        0.97, 0.95, f"{share}% changed", transform=axes.transAxes, ha="right", va="top", size=8.5
    )
