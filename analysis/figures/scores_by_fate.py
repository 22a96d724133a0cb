"""The scores of kept connections, and of pruned or flipped ones."""

from analysis.drawing.histograms import Histograms, Quantity, by_fate
from analysis.tables import Results

ORDER = 55
QUESTION = "connections"
TITLE = "Scores of kept and of changed connections"
CAPTION = (
    "Histograms of the trained scores after the last epoch. Filled: connections that are kept. "
    "Line: connections that are pruned or flipped. Threshold-free methods change connections "
    "whose score is at or below zero (the bin that contains zero has both). Many scores close "
    "to zero would mean that more training still changes the mask."
)
_SCORES = Quantity("scores", "scores_from", "scores_to", "score")
_MISSING = "No trial of a method that prunes or flips by scores has recorded them."


def summarise(results: Results) -> Histograms:
    """Return histograms of the scores by fate."""
    return by_fate(results, _SCORES, _MISSING)
