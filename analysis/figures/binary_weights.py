"""Final accuracy by weight distribution, in studies with weights of +1 and -1."""

from analysis.drawing import NothingToDraw
from analysis.drawing.categories import compare
from analysis.drawing.rows import Rows
from analysis.tables import Results

ORDER = 60
QUESTION = "accuracy"
TITLE = "Binary weights compared with others"
CAPTION = (
    "Test accuracy and fraction of connections pruned or flipped after the last epoch, by the "
    "distribution of the weights. binary: weights of +1 and -1. binary(scaled): the same weights, "
    "with each layer's output scaled as that of he-constant weights. Each panel has its own axes."
)


def summarise(results: Results) -> Rows:
    """Return accuracy and changed fraction in percent, by distribution and method."""
    if not results.trials["weights"].str.startswith("binary").any():
        raise NothingToDraw("No trial with binary weights is finished.")
    return compare(results, "weights", results.trials)
