"""What batch normalisation and the output layer reach alone."""

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.categories import Measure
from analysis.drawing.kinds import draw_kinds
from analysis.drawing.side_by_side import Side
from analysis.estimates.kinds import in_pieces
from analysis.tables import Results

ORDER = 74
TITLE = "What the pieces of a network reach alone"
_ACCURACY = Measure("value", Side("", "test accuracy (%)"), False, True)


def draw(results: Results) -> Drawing:
    """Draw test accuracy in percent by what of the network is trained."""
    found = in_pieces(results)
    if found.rows["value"].notna().sum() == 0:
        raise NothingToDraw(
            "No trial trains batch normalisation or the output layer of a network alone."
        )
    caption = (
        "Share of the test images that are classified correctly at the end, by what is trained: "
        "all layers, the output layer alone, or the scale and shift of batch normalisation alone "
        "(frozen, which trains neither weights nor connections). What a piece reaches alone is no "
        "merit of a mask. The axes do not start at zero."
    )
    return draw_kinds(results, found, _ACCURACY, TITLE, caption)
