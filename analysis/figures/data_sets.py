"""Final accuracy by data set, and its difference to dense training."""

from analysis.drawing import Drawing
from analysis.drawing.categories import CHANGED, DIFFERENCE, compare
from analysis.estimates.pairing import differences
from analysis.tables import Results

ORDER = 62
TITLE = "Data sets"


def draw(results: Results) -> Drawing:
    """Draw accuracy in percent and its difference to dense in points, by data set and method."""
    pairs = differences(results.trials)[["attempt", "difference"]]
    trials = results.trials.merge(pairs, on="attempt", how="left")
    caption = (
        "Left: test accuracy after the last epoch, by data set. Right: the difference to dense "
        "training with the same seed and weights, since data sets differ in difficulty; above zero "
        "the method is better. Without dense training: the fraction of connections pruned or "
        "flipped."
    )
    second = DIFFERENCE if trials["difference"].notna().any() else CHANGED
    return compare(results, "dataset", TITLE, caption, trials, second)
