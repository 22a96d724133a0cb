"""Final accuracy and changed fraction by the rescaling of pruned layers."""

from analysis.drawing.categories import compare
from analysis.drawing.rows import Rows
from analysis.tables import Results

ORDER = 63
QUESTION = "accuracy"
TITLE = "Rescaling of pruned layers"
CAPTION = (
    "Test accuracy and fraction of connections pruned after the last epoch, by the factor on kept "
    "weights. none: no factor. dynamic: the layer's size divided by 1 + the number kept. "
    "scale-fan: 1 divided by the square root of the fraction kept. Each panel has its own axes."
)


def summarise(results: Results) -> Rows:
    """Return accuracy and changed fraction in percent, by rescaling and method."""
    return compare(results, "rescaling", results.trials)
