"""The fraction of connections pruned or flipped against the epoch."""

from analysis.cells import BASELINE
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import chosen_arms
from analysis.drawing.curves import Curves, curve_panels, curves
from analysis.drawing.limits import padded
from analysis.drawing.notes import seeds, sentences
from analysis.drawing.panels import styles_of
from analysis.tables import Results

ORDER = 40
QUESTION = "training"
TITLE = "Connections pruned or flipped during training"
CAPTION = (
    "Fraction of all connections that are pruned (set to zero) or flipped (sign reversed) after "
    "each epoch; epoch 0 is before training."
)


def summarise(results: Results) -> Curves:
    """Return the mean changed fraction in percent against the epoch, epoch 0 included."""
    table = curves(results, "changed")
    table = table[(table["method"] != BASELINE) & table["mean"].notna()]
    if table.empty:
        raise NothingToDraw("No trial with a method that prunes or flips is finished.")
    _, high = padded(0, table[["mean", "high"]].max().max() * 100)
    dense = f"{BASELINE} changes no connection and is not drawn."
    note = sentences(
        seeds(table["n"], "bar right of the line, after the last epoch"),
        dense if BASELINE in set(results.trials["method"]) else "",
        chosen_arms(results),
    )
    return Curves(
        curve_panels(results, table),
        styles_of(results, table),
        "changed connections (%)",
        (0, high),
        note,
    )
