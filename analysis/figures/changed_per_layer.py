"""The fraction of each layer's connections that is changed after the last epoch."""

import duckdb
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    limits,
    methods_of,
    percent,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.drawing.style import Look
from analysis.estimates import grouped
from analysis.tables import Results

#: Of a network with more layers these are numbered.
_NAMED = 12
ORDER = 50
TITLE = "Connections pruned or flipped per layer, after the last epoch"


def draw(results: Results) -> Drawing:
    """Draw the changed fraction in percent per layer, a mark per method, with intervals."""
    last = results.final_layers.filter(f"method <> '{BASELINE}'")
    table = grouped(last, [*varying(results), "layer", "layer_name"], "changed")
    if table.empty:
        raise NothingToDraw("No trial with a method that prunes or flips is finished.")
    shown = methods_of(results, table)
    figure, panels, left_out = sheet(
        split(results, table), 3.0, "layer", "changed connections (%)", same=False
    )
    _, high = limits(0, min(table[["mean", "high"]].max().max() * 100, 100.0))
    for axes, panel in panels:
        _draw_layers(axes, panel.rows, shown)
        axes.set_ylim(-0.02 * high, high)
    note = sentences(seeds(table["n"], "bar"), _empty(last), left_out)
    finish(figure, TITLE, shown, note)
    caption = (
        "Share of each layer's own connections that are pruned or flipped at the end; the first "
        "layer is next to the input. Layers differ much in size, so the network's total is not "
        "the mean of these."
    )
    return Drawing(figure, TITLE, caption, note)


def _empty(last: duckdb.DuckDBPyRelation) -> str:
    """A sentence on trials of which a layer keeps no connection, or ""."""
    emptied = last.filter("mask_positive + mask_negative = 0")
    (count,) = emptied.aggregate("count(DISTINCT attempt)").fetchall()[0]
    return f"In {count} trials a layer keeps no connection." if count else ""


def _draw_layers(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> None:
    """Draw the marks of all methods side by side at each layer."""
    layers = rows[["layer", "layer_name"]].drop_duplicates("layer").sort_values("layer")
    shifts = np.linspace(-0.27, 0.27, len(shown)) if len(shown) > 1 else np.zeros(1)
    for shift, (method, look) in zip(shifts, shown.items(), strict=True):
        line = rows[rows["method"] == method].sort_values("layer")
        mean, low, high = (percent(line[name]) for name in ("mean", "low", "high"))
        axes.errorbar(
            line["layer"] + shift,
            mean,
            yerr=[np.nan_to_num(mean - low), np.nan_to_num(high - mean)],
            fmt=look.marker,
            color=look.colour,
            markersize=7,
            markeredgecolor="white",
            elinewidth=1.6,
            capsize=2.5,
        )
    names, turned = layers["layer_name"].tolist(), 60 if len(layers) > 5 else 0
    if len(layers) > _NAMED:
        names, turned = [str(n + 1) if n % 3 == 0 else "" for n in layers["layer"]], 0
    axes.set_xticks(layers["layer"].to_numpy(), names, rotation=turned)
    axes.set_xlim(layers["layer"].min() - 0.5, layers["layer"].max() + 0.5)
    axes.grid(visible=False, axis="x")
