"""The weights of kept connections, and of pruned or flipped ones."""

from analysis.drawing import Drawing
from analysis.drawing.histograms import Quantity, by_fate
from analysis.tables import Results

ORDER = 54
TITLE = "Weights of kept and of changed connections"
_WEIGHTS = Quantity("weights", "-weight_reach", "weight_reach", "weight")


def draw(results: Results) -> Drawing:
    """Draw histograms of the weights by fate, in percent of the connections of each fate."""
    caption = (
        "Histograms of the weights after the last epoch. Filled: connections that are kept. Line: "
        "connections that are pruned or flipped. Where the line is higher, connections with such "
        "weights are changed more often than others. The weights are those drawn at the start; "
        "for methods that train weights under a mask, the trained weights, zero where pruned."
    )
    missing = "No trial has recorded the weights of the connections that it pruned or flipped."
    return by_fate(results, _WEIGHTS, TITLE, caption, missing)
