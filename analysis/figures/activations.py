"""Final accuracy and changed fraction by activation."""

from analysis.drawing import Drawing
from analysis.drawing.categories import compare
from analysis.tables import Results

ORDER = 61
TITLE = "Activations"


def draw(results: Results) -> Drawing:
    """Draw accuracy and changed fraction in percent, by activation and method."""
    caption = (
        "Test accuracy and fraction of connections pruned or flipped after the last epoch, by the "
        "activation of the hidden layers. Each panel has its own axes. The axes of accuracy do not "
        "start at zero."
    )
    return compare(results, "activation", TITLE, caption, results.trials)
