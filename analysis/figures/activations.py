"""Final accuracy and changed fraction by activation."""

from analysis.drawing import Drawing
from analysis.drawing.categories import compare
from analysis.tables import Results

ORDER = 61
TITLE = "Activations"


def draw(results: Results) -> Drawing:
    """Draw accuracy and changed fraction in percent, by activation and method."""
    caption = (
        "Share of the test images that are classified correctly at the end, and of connections "
        "pruned or flipped, by the activation of the hidden layers. Each setting has its own axes, "
        "which do not start at zero for the accuracies."
    )
    return compare(results, "activation", TITLE, caption, results.trials)
