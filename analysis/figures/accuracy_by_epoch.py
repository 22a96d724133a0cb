"""Test accuracy against the epoch: a line per method."""

import pandas as pd

from analysis.drawing import NothingToDraw
from analysis.drawing.curves import Curves, curves, top_view
from analysis.drawing.limits import padded
from analysis.drawing.notes import diverged_or_dead
from analysis.estimates.intervals import ESTIMATED
from analysis.tables import Results

ORDER = 20
QUESTION = "training"
TITLE = "Test accuracy during training"
CAPTION = (
    "Test accuracy after each epoch, by method. Higher is better. The vertical axis does not start "
    "at zero; all panels share it."
)
_VALUE = "test_accuracy"


def summarise(results: Results) -> Curves:
    """Return mean test accuracy in percent against the epoch, from epoch 1 on."""
    table = curves(results, _VALUE)
    trained = table[(table["epoch"] > 0) & table["mean"].notna()]
    if trained.empty:
        raise NothingToDraw("No trial has an accuracy after a first epoch.")
    floor, highest = top_view(curves(results, _VALUE, completed=True).query("epoch > 0"))
    low, high = padded(floor, highest)
    return Curves.of(
        results,
        trained,
        "test accuracy (%)",
        (low, min(high, 100.3)),
        _cut(trained, low),
        diverged_or_dead(results.trials),
    )


def _cut(trained: pd.DataFrame, low: float) -> str:
    """Return the sentence on what a view down to `low` percent leaves out."""
    cells = [c for c in trained.columns if c not in ("epoch", *ESTIMATED)]
    highest = trained.groupby(cells, sort=False)["mean"].max()
    unseen = (highest < low).sum()
    phrases = ["Epoch 0 (before training, near chance) is not shown"]
    if (trained["mean"] < low).any():
        phrases.append("epochs below the axis are cut off")
    if unseen:
        phrases.append(f"{unseen} of {len(highest)} lines stay below it throughout")
    return "; ".join(phrases) + "."
