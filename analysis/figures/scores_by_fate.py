"""The scores of kept connections, and of pruned or flipped ones."""

from analysis.drawing import Drawing
from analysis.drawing.histograms import Quantity, by_fate
from analysis.tables import Results

ORDER = 55
TITLE = "Scores of kept and of changed connections"
_SCORES = Quantity("scores", "scores_from", "scores_to", "score")


def draw(results: Results) -> Drawing:
    """Draw histograms of the scores by fate, in percent of the connections of each fate."""
    caption = (
        "Histograms of the trained scores after the last epoch. Filled: connections that are kept. "
        "Line: connections that are pruned or flipped. Threshold-free methods change connections "
        "whose score is at or below zero (the bin that contains zero has both). Many scores close "
        "to zero would mean that more training still changes the mask."
    )
    missing = "No trial of a method that prunes or flips by scores has recorded them."
    return by_fate(results, _SCORES, TITLE, caption, missing)
