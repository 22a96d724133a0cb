"""Final accuracy minus that of dense training, paired by seed, with the margin."""

import pandas as pd

from analysis.cells import BASELINE, at_chosen
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import arm_rows, arm_view, columns_for_arms
from analysis.drawing.notes import margin_zone, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.rows import RowPanel, Rows, RowSide
from analysis.drawing.sides import seeds_of
from analysis.estimates.pairing import differences
from analysis.tables import Results

ORDER = 15
QUESTION = "accuracy"
TITLE = "Difference to dense training from the same weights"
CAPTION = (
    "Final test accuracy minus that of dense training with the same seed, recipe and weights; "
    "where the recipe is tuned, each has its own. "
    "Right of zero the method is better than dense, left of zero worse."
)
_VALUE = "difference"


def summarise(results: Results) -> Rows:
    """Return the paired differences in points, a row per arm, with the study's margin."""
    pairs = differences(at_chosen(results, results.trials))
    pairs = pairs[columns_for_arms(results, _VALUE)].dropna(subset=_VALUE)
    if pairs.empty:
        raise NothingToDraw(f"No trial has a {BASELINE} partner with the same seed and weights.")
    margin = results.margin
    reach = 1.2 * (margin or 0.0)
    limits = arm_view(results, pairs, _VALUE, include=(-reach, reach))
    axis = f"test accuracy minus {BASELINE}, same weights (points)"
    guides, zone = ((0.0, "zero"),), None if margin is None else (-margin, margin)
    panels = tuple(
        RowPanel(title, (RowSide("", axis, limits, slots, guides=guides, zone=zone),))
        for title, slots in arm_rows(results, pairs, _VALUE)
    )
    note = sentences(
        "Small points: one pair of trials with the same seed each.",
        seeds_of(panels),
        margin_zone(margin),
        _without_partner(results, pairs),
    )
    return Rows(panels, styles_of(results, pairs), note, in_legend=False)


def _without_partner(results: Results, pairs: pd.DataFrame) -> str:
    """Return the sentence on the methods of which no trial has a partner, or ""."""
    known = results.trials.dropna(subset="test_accuracy")
    missing = [m for m in styles_of(results, known) if m not in {BASELINE, *pairs["method"]}]
    return f"Without dense training under the same recipe: {', '.join(missing)}." if missing else ""
