"""Where the weights lie of the connections that are kept, and of those pruned or flipped."""

from analysis.drawing import Drawing
from analysis.drawing.histograms import Quantity, by_fate
from analysis.tables import Results

ORDER = 54
TITLE = "Weights of the connections that are kept and of those changed"
_WEIGHTS = Quantity("weights", "-weight_reach", "weight_reach", "weight")


def draw(results: Results) -> Drawing:
    """Draw histograms of the weights by fate, in percent of the connections of each fate."""
    caption = (
        "Histograms of the weights of the connections that are kept after the last epoch, filled, "
        "and of those that are pruned or flipped, as a line. Where the line is higher, connections "
        "with such weights are changed more often than others. Weights as drawn; of methods that "
        "train weights under a mask as trained, and zero where pruned."
    )
    missing = "No trial has recorded the weights of the connections that it pruned or flipped."
    return by_fate(results, _WEIGHTS, TITLE, caption, missing)
