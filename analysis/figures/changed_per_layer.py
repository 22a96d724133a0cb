"""The changed fraction of each layer's connections after the last epoch."""

import duckdb

from analysis.cells import BASELINE, varying
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import arm_panels, chosen_arms, one_arm_each
from analysis.drawing.limits import padded
from analysis.drawing.lines import Lines, LineSide, layer_panel, lines_over
from analysis.drawing.notes import seeds, sentences
from analysis.drawing.panels import styles_of
from analysis.estimates.intervals import grouped
from analysis.numbers import many
from analysis.tables import Results

ORDER = 50
QUESTION = "connections"
TITLE = "Connections pruned or flipped per layer, after the last epoch"
CAPTION = (
    "Fraction of each layer's connections that are pruned or flipped after the last epoch; the "
    "first layer is next to the input. Layers differ in size, so the network's fraction is not "
    "the mean of these."
)


def summarise(results: Results) -> Lines:
    """Return the changed fraction in percent per layer and method."""
    last = results.final_layers.filter(f"method <> '{BASELINE}'")
    keys = [*varying(results), "layer", "layer_name"]
    table = one_arm_each(results, grouped(last, keys, "changed"))
    if table.empty:
        raise NothingToDraw("No trial with a method that prunes or flips is finished.")
    styles = styles_of(results, table)
    high = padded(0, min(float(table[["mean", "high"]].max().max()) * 100, 100.0))[1]
    drawn = []
    for panel in arm_panels(results, table):
        lines = lines_over(panel.rows, "layer", styles)
        side = LineSide("", "changed connections (%)", (-0.02 * high, high), lines)
        drawn.append(layer_panel(panel.title, (side,), panel.rows))
    note = sentences(seeds(table["n"], "bar"), _empty(last), chosen_arms(results))
    return Lines(tuple(drawn), styles, note)


def _empty(last: duckdb.DuckDBPyRelation) -> str:
    """Return a sentence on trials in which a layer keeps no connection, or ""."""
    empty = last.filter("mask_positive + mask_negative = 0")
    (count,) = empty.aggregate("count(DISTINCT attempt)").fetchall()[0]
    return f"In {many(count, 'trial')} a layer keeps no connection." if count else ""
