"""The fraction of connections pruned or flipped against the epoch."""

from analysis.cells import BASELINE
from analysis.drawing import NothingToDraw
from analysis.drawing.curves import Curves, curves
from analysis.drawing.limits import padded
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
    _, high = padded(0, table[["mean", "high"]].max().max())
    dense = f"{BASELINE} changes no connection and is not drawn."
    has_dense = BASELINE in set(results.trials["method"])
    return Curves.of(
        results, table, "changed connections (%)", (0, high), dense if has_dense else ""
    )
