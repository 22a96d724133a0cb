"""Final accuracy by data set, and its difference to dense training."""

from analysis.cells import at_chosen
from analysis.drawing.categories import CHANGED, DIFFERENCE, compare
from analysis.drawing.rows import Rows
from analysis.estimates.pairing import differences
from analysis.tables import Results

ORDER = 62
QUESTION = "accuracy"
TITLE = "Data sets"
CAPTION = (
    "Left: test accuracy after the last epoch, by data set. Right: the difference to dense "
    "training with the same seed and weights, since data sets differ in difficulty; above zero "
    "the method is better. Without dense training: the fraction of connections pruned or flipped."
)


def summarise(results: Results) -> Rows:
    """Return accuracy in percent and its difference to dense in points, by data set and method."""
    pairs = differences(at_chosen(results, results.trials))[["attempt", "difference"]]
    trials = results.trials.merge(pairs, on="attempt", how="left")
    second = DIFFERENCE if trials["difference"].notna().any() else CHANGED
    return compare(results, "dataset", trials, second)
