"""Final accuracy and changed fraction by activation."""

from analysis.drawing.categories import compare
from analysis.drawing.rows import Rows
from analysis.tables import Results

ORDER = 61
QUESTION = "accuracy"
TITLE = "Activations"
CAPTION = (
    "Test accuracy and fraction of connections pruned or flipped after the last epoch, by the "
    "activation of the hidden layers. Each panel has its own axes. The axes of accuracy do not "
    "start at zero."
)


def summarise(results: Results) -> Rows:
    """Return accuracy and changed fraction in percent, by activation and method."""
    return compare(results, "activation", results.trials)
