"""The accuracy of training batch normalisation or the output layer alone."""

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.categories import Measure
from analysis.drawing.kinds import draw_kinds
from analysis.drawing.side_by_side import Side
from analysis.estimates.question_groups import in_pieces
from analysis.tables import Results

ORDER = 74
TITLE = "Accuracy of training pieces of the network alone"
_ACCURACY = Measure("value", Side("", "test accuracy (%)"), False, True)


def draw(results: Results) -> Drawing:
    """Draw test accuracy in percent by which pieces of the network are trained."""
    question = in_pieces(results)
    if question.rows["value"].notna().sum() == 0:
        raise NothingToDraw(
            "No trial trains batch normalisation or the output layer of a network alone."
        )
    caption = (
        "Test accuracy after the last epoch, by what is trained: all layers, the output layer "
        "alone, or the scale and shift of batch normalisation alone (frozen, which trains neither "
        "weights nor connections). What a piece reaches alone is not due to a mask. The axes do "
        "not start at zero."
    )
    return draw_kinds(results, question, _ACCURACY, TITLE, caption)
