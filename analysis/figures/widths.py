"""Accuracy and changed fraction against network width or training length."""

import pandas as pd

from analysis.cells import BASELINE, panel_fields, spread, vary_within
from analysis.drawing import NothingToDraw
from analysis.drawing.lines import Lines
from analysis.drawing.panels import Panel, panels
from analysis.drawing.sweeps import AXES, accuracy_and_changed
from analysis.tables import Results

ORDER = 65
QUESTION = "accuracy"
TITLE = "Effect of width or training length"
CAPTION = (
    "Left: test accuracy after the last epoch. Right: fraction of all connections that are pruned "
    "or flipped. Both are drawn against the factor on the width of the hidden layers, or against "
    "the length of training if the study varies only that; the values are equally spaced. The "
    "axis of accuracy does not start at zero."
)


def summarise(results: Results) -> Lines:
    """Return final test accuracy and changed fraction in percent over widths, or else epochs."""
    known = results.trials["test_accuracy"].notna() & (results.trials["epochs"] > 0)
    field, swept = _swept(results, results.trials[known])
    return accuracy_and_changed(results, swept, field, AXES[field])


def _swept(results: Results, trials: pd.DataFrame) -> tuple[str, list[Panel]]:
    """Return the field of the horizontal axis, and a panel per combination of the other fields.

    Raises:
        NothingToDraw: no method is trained at several widths or lengths with all else the same.
    """
    for field in ("width", "epochs"):
        several = trials.groupby("method")[field].transform("nunique") > 1
        rows = trials[several]
        others = vary_within(rows, panel_fields(results, without=[field]))
        every = panels(results, spread(results, rows, others), others) if len(rows) else []
        with_lines = [panel for panel in every if _has_line(panel.rows, field)]
        if with_lines:
            return field, with_lines
    raise NothingToDraw("No method is trained at several widths or for several numbers of epochs.")


def _has_line(rows: pd.DataFrame, field: str) -> bool:
    """Return whether a method has several values; dense counts only if there is no other method."""
    others = rows[rows["method"] != BASELINE]
    counts = (rows if others.empty else others).groupby("method")[field].nunique()
    return bool((counts > 1).any())
