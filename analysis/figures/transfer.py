"""Does a mask carry over to another data set?"""

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.categories import Measure
from analysis.drawing.kinds import draw_kinds
from analysis.drawing.side_by_side import Side
from analysis.estimates.kinds import transferred
from analysis.tables import Results

ORDER = 73
TITLE = "What is learned on one data set, on another"
_ACCURACY = Measure("value", Side("", "test accuracy (%)"), False, True)


def draw(results: Results) -> Drawing:
    """Draw test accuracy in percent on the second data set, carried over and from scratch."""
    found = transferred(results)
    if found.rows["value"].notna().sum() == 0:
        raise NothingToDraw("No trial was trained on another data set before its own.")
    caption = (
        "Share of the test images of the second data set that are classified correctly at the end. "
        "Carried over: mask and weights of what was trained on the first data set, with the output "
        "layer alone trained on the second, or with all layers trained on. From scratch: all "
        "layers trained on the second data set alone. Random features: the output layer alone, on "
        "layers as they are drawn. What carrying over brings is its distance to random features. "
        "The axes do not start at zero."
    )
    return draw_kinds(results, found, _ACCURACY, TITLE, caption)
