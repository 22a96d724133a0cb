"""Training accuracy minus test accuracy against the epoch."""

from dataclasses import replace

import pandas as pd

from analysis.drawing import NothingToDraw
from analysis.drawing.curves import Curves, curves
from analysis.drawing.limits import Limits, padded
from analysis.drawing.notes import diverged_or_dead
from analysis.tables import Results

ORDER = 35
QUESTION = "training"
TITLE = "Generalisation gap during training"
CAPTION = (
    "Accuracy on the training images minus accuracy on the test images. Above zero, a method has "
    "learned about the training images what does not hold for other images. Training accuracy is "
    "the mean over the epoch's batches during training, and test accuracy is measured after the "
    "epoch. So the gap is negative in early epochs, while the network learns fast."
)
_GAP = "train_accuracy - test_accuracy"


def summarise(results: Results) -> Curves:
    """Return the mean gap in points against the epoch, from epoch 1 on."""
    table = curves(results, _GAP)
    table = table[(table["epoch"] > 0) & table["mean"].notna()]
    if table.empty:
        raise NothingToDraw("No trial has accuracies after a first epoch.")
    low, high = _view(curves(results, _GAP, completed=True).query("epoch > 0"))
    outside = ~table["mean"].between(low, high)
    gap = Curves.of(
        results,
        table,
        "training minus test accuracy (points)",
        (low, high),
        "Epoch 0 (before training) is not shown.",
        "Epochs outside the axis are cut off." if outside.any() else "",
        diverged_or_dead(results.trials),
    )
    return replace(gap, has_zero=True)


def _view(rows: pd.DataFrame) -> Limits:
    """Return limits in points for zero and most of the later half of the epochs, with as much room.

    The first epochs, in which the networks learn fast, and a few cells that do not learn steadily
    would leave no room for the differences between the others.
    """
    late = rows[rows["epoch"] * 2 >= rows["epoch"].max()]["mean"]
    low, high = min(late.quantile(0.05), 0.0), max(late.quantile(0.95), 0.0)
    room = max(high - low, 0.5)
    ends = pd.concat([rows["mean"], rows["low"], rows["high"]])
    return padded(max(low - room, min(ends.min(), 0.0)), min(high + room, max(ends.max(), 0.0)))
