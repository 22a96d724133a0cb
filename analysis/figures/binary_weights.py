"""Final accuracy by the weights' distribution, in studies of weights of +1 and -1."""

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.categories import compare
from analysis.tables import Results

ORDER = 60
TITLE = "Binary weights beside others"


def draw(results: Results) -> Drawing:
    """Draw accuracy and changed fraction in percent, by distribution and method."""
    if not results.trials["weights"].str.startswith("binary").any():
        raise NothingToDraw("No trial with binary weights is finished.")
    caption = (
        "Share of the test images that are classified correctly at the end, and of connections "
        "pruned or flipped, by the distribution that weights are drawn from: binary, +1 and -1; "
        "binary(scaled), the same with each layer's output scaled as that of he-constant weights. "
        "Each setting has its own axes."
    )
    return compare(results, "weights", TITLE, caption, results.trials)
