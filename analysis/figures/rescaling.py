"""Final accuracy and changed fraction by the rescaling of pruned layers."""

from analysis.drawing import Drawing
from analysis.drawing.categories import compare
from analysis.tables import Results

ORDER = 63
TITLE = "Rescaling of pruned layers"


def draw(results: Results) -> Drawing:
    """Draw accuracy and changed fraction in percent, by rescaling and method."""
    caption = (
        "Share of the test images that are classified correctly at the end, and of connections "
        "pruned, by what kept weights are multiplied with: none, nothing; dynamic, the "
        "layer's size over 1 + the number kept; scale-fan, 1 over the root of the fraction kept. "
        "Each setting has its own axes."
    )
    return compare(results, "rescaling", TITLE, caption, results.trials)
