"""The changed fraction of each layer's connections after the last epoch."""

import duckdb

from analysis.cells import BASELINE, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    limits,
    methods_of,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.drawing.layers import draw_layers
from analysis.estimates.intervals import grouped
from analysis.numbers import many
from analysis.tables import Results

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
        draw_layers(axes, panel.rows, shown, "method")
        axes.set_ylim(-0.02 * high, high)
    note = sentences(seeds(table["n"], "bar"), _empty(last), left_out)
    finish(figure, TITLE, shown, note)
    caption = (
        "Fraction of each layer's connections that are pruned or flipped after the last epoch; the "
        "first layer is next to the input. Layers differ in size, so the network's fraction is not "
        "the mean of these."
    )
    return Drawing(figure, TITLE, caption, note)


def _empty(last: duckdb.DuckDBPyRelation) -> str:
    """Return a sentence on trials in which a layer keeps no connection, or ""."""
    empty = last.filter("mask_positive + mask_negative = 0")
    (count,) = empty.aggregate("count(DISTINCT attempt)").fetchall()[0]
    return f"In {many(count, 'trial')} a layer keeps no connection." if count else ""
