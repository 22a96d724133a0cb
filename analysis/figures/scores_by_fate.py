"""Where the scores lie of the connections that are kept, and of those pruned or flipped."""

from analysis.drawing import Drawing
from analysis.drawing.histograms import Quantity, by_fate
from analysis.tables import Results

ORDER = 55
TITLE = "Scores of the connections that are kept and of those changed"
_SCORES = Quantity("scores", "scores_from", "scores_to", "score")


def draw(results: Results) -> Drawing:
    """Draw histograms of the scores by fate, in percent of the connections of each fate."""
    caption = (
        "Histograms of the trained scores of the connections that are kept after the last epoch, "
        "filled, and of those that are pruned or flipped, as a line. Without a tuned threshold "
        "what lies at or below zero is changed (the bin that holds zero has both). Scores far from "
        "zero are settled; many close to it would mean that more training still changes the mask."
    )
    missing = "No trial of a method that prunes or flips by scores has recorded them."
    return by_fate(results, _SCORES, TITLE, caption, missing)
