"""The weights of kept connections, and of pruned or flipped ones."""

from analysis.drawing.histograms import Histograms, Quantity, by_fate
from analysis.tables import Results

ORDER = 54
QUESTION = "connections"
TITLE = "Weights of kept and of changed connections"
CAPTION = (
    "Histograms of the weights after the last epoch. Filled: connections that are kept. Line: "
    "connections that are pruned or flipped. Where the line is higher, connections with such "
    "weights are changed more often than others. The weights are those drawn at the start; "
    "for methods that train weights under a mask, the trained weights, zero where pruned."
)
_WEIGHTS = Quantity("weights", "-weight_reach", "weight_reach", "weight")
_MISSING = "No trial has recorded the weights of the connections that it pruned or flipped."


def summarise(results: Results) -> Histograms:
    """Return histograms of the weights by fate."""
    return by_fate(results, _WEIGHTS, _MISSING)
