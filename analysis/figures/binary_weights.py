"""Final accuracy by weight distribution, in studies with weights of +1 and -1."""

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.categories import compare
from analysis.tables import Results

ORDER = 60
TITLE = "Binary weights compared with others"


def draw(results: Results) -> Drawing:
    """Draw accuracy and changed fraction in percent, by distribution and method."""
    if not results.trials["weights"].str.startswith("binary").any():
        raise NothingToDraw("No trial with binary weights is finished.")
    caption = (
        "Test accuracy and fraction of connections pruned or flipped after the last epoch, by the "
        "distribution of the weights. binary: weights of +1 and -1. binary(scaled): the same "
        "weights, with each layer's output scaled as that of he-constant weights. Each panel has "
        "its own axes."
    )
    return compare(results, "weights", TITLE, caption, results.trials)
