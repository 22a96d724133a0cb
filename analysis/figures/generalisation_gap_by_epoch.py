"""Training accuracy minus test accuracy against the epoch."""

import pandas as pd

from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.drawing.curves import curves, draw_curves
from analysis.tables import Results

ORDER = 35
TITLE = "Generalisation gap during training"
_GAP = "train_accuracy - test_accuracy"


def draw(results: Results) -> Drawing:
    """Draw the mean gap in points against the epoch, from epoch 1 on."""
    table = curves(results, _GAP)
    table = table[(table["epoch"] > 0) & table["mean"].notna()]
    if table.empty:
        raise NothingToDraw("No trial has accuracies after a first epoch.")
    shown = methods_of(results, table)
    panels = split(results, table)
    figure, placed, left_out = sheet(panels, 3.0, "epoch", "training minus test accuracy (points)")
    low, high = _view(curves(results, _GAP, sound=True).query("epoch > 0"))
    for axes, panel in placed:
        draw_curves(axes, panel.rows, shown)
        axes.axhline(0, color="#333333", lw=0.9, zorder=0.8)
        axes.set_ylim(low, high)
    outside = ~(table["mean"] * 100).between(low, high)
    cut = "Epochs outside the axis are cut off." if outside.any() else ""
    note = sentences(
        seeds(table["n"], "band"),
        "Epoch 0 (before training) is not shown.",
        cut,
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Accuracy on the training images minus accuracy on the test images. Above zero, a method "
        "has learned about the training images what does not hold for other images. Training "
        "accuracy is the mean over the epoch's batches during training, and test accuracy is "
        "measured after the epoch. So the gap is negative in early epochs, while the network "
        "learns fast."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(rows: pd.DataFrame) -> tuple[float, float]:
    """Return limits in points for zero and most of the later half of the epochs, with as much room.

    The first epochs, in which the networks learn fast, and a few cells that do not learn steadily
    would leave no room for the differences between the others.
    """
    late = rows[rows["epoch"] * 2 >= rows["epoch"].max()]["mean"] * 100
    low, high = min(late.quantile(0.05), 0.0), max(late.quantile(0.95), 0.0)
    room = max(high - low, 0.5)
    ends = pd.concat([rows["mean"], rows["low"], rows["high"]]) * 100
    return limits(max(low - room, min(ends.min(), 0.0)), min(high + room, max(ends.max(), 0.0)))
