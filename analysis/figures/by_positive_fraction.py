"""Accuracy and changed fraction against the fraction of positive weights."""

from analysis.cells import panel_fields
from analysis.drawing import NothingToDraw
from analysis.drawing.lines import Lines
from analysis.drawing.panels import panels
from analysis.drawing.sweeps import accuracy_and_changed
from analysis.tables import Results

ORDER = 6
QUESTION = "accuracy"
TITLE = "Accuracy and changed connections by the fraction of positive weights"
CAPTION = (
    "Left: test accuracy after the last epoch against the probability that a weight is positive; "
    "at 0.5 the signs are symmetric. Right: fraction of connections that are pruned or flipped. "
    "At each value the methods are shifted sideways, so that no bar hides another."
)
_FIELD = "positive_fraction"


def summarise(results: Results) -> Lines:
    """Return final means in percent against the positive fraction."""
    trials = results.trials.dropna(subset="test_accuracy")
    others = panel_fields(results, without=[_FIELD])
    swept = [p for p in panels(results, trials, others) if p.rows[_FIELD].nunique() > 1]
    if not swept:
        raise NothingToDraw("No method is trained with several positive fractions.")
    return accuracy_and_changed(results, swept, _FIELD, "positive fraction", to_scale=True)
