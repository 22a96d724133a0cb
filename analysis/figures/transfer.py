"""Does what is learned on one data set carry over to another?"""

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.categories import Measure
from analysis.drawing.kinds import draw_kinds
from analysis.drawing.side_by_side import Side
from analysis.estimates.question_groups import transferred
from analysis.tables import Results

ORDER = 73
TITLE = "Transfer to another data set"
_ACCURACY = Measure("value", Side("", "test accuracy (%)"), False, True)


def draw(results: Results) -> Drawing:
    """Draw test accuracy in percent on the second data set, carried over and from scratch."""
    question = transferred(results)
    if question.rows["value"].notna().sum() == 0:
        raise NothingToDraw("No trial was trained on another data set before its own.")
    caption = (
        "Test accuracy on the second data set after the last epoch. Carried over: training starts "
        "from the mask and weights learned on the first data set and trains the output layer "
        "alone, or all layers. From scratch: all layers trained on the second data set only. "
        "Random features: the output layer alone trained, all other layers as drawn. The gain from "
        "carrying over is the difference to random features. The axes do not start at zero."
    )
    return draw_kinds(results, question, _ACCURACY, TITLE, caption)
