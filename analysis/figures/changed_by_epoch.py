"""The fraction of connections pruned or flipped against the epoch."""

from analysis.cells import BASELINE
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    limits,
    panel_grid,
    seeds,
    sentences,
    split,
    styles_of,
)
from analysis.drawing.curves import curves, draw_curves
from analysis.tables import Results

ORDER = 40
TITLE = "Connections pruned or flipped during training"


def draw(results: Results) -> Drawing:
    """Draw the mean changed fraction in percent against the epoch, epoch 0 included."""
    table = curves(results, "changed")
    table = table[(table["method"] != BASELINE) & table["mean"].notna()]
    if table.empty:
        raise NothingToDraw("No trial with a method that prunes or flips is finished.")
    shown = styles_of(results, table)
    figure, panels, left_out = panel_grid(
        split(results, table), 3.0, "epoch", "changed connections (%)"
    )
    _, high = limits(0, table[["mean", "high"]].max().max() * 100)
    for axes, panel in panels:
        draw_curves(axes, panel.rows, shown)
        axes.set_ylim(0, high)
    dense = f"{BASELINE} changes no connection and is not drawn."
    note = sentences(
        seeds(table["n"], "band"),
        dense if BASELINE in set(results.trials["method"]) else "",
        left_out,
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Fraction of all connections that are pruned (set to zero) or flipped (sign reversed) "
        "after each epoch; epoch 0 is before training."
    )
    return Drawing(figure, TITLE, caption, note)
