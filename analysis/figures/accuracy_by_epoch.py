"""Test accuracy against the epoch: a line per method."""

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
from analysis.drawing.curves import curves, draw_curves, top_view
from analysis.estimates.intervals import ESTIMATED
from analysis.tables import Results

ORDER = 20
TITLE = "Test accuracy during training"


def draw(results: Results) -> Drawing:
    """Draw mean test accuracy in percent against the epoch, from epoch 1 on."""
    table = curves(results, "test_accuracy")
    trained = table[(table["epoch"] > 0) & table["mean"].notna()]
    if trained.empty:
        raise NothingToDraw("No trial has an accuracy after a first epoch.")
    shown = methods_of(results, trained)
    figure, panels, left_out = sheet(split(results, trained), 3.0, "epoch", "test accuracy (%)")
    floor, highest = top_view(curves(results, "test_accuracy", sound=True).query("epoch > 0"))
    low, high = limits(floor, highest)
    for axes, panel in panels:
        draw_curves(axes, panel.rows, shown)
        axes.set_ylim(low, min(high, 100.3))
    note = sentences(
        seeds(trained["n"], "band"), _cut(trained, low), diverged_or_dead(results.trials), left_out
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Test accuracy after each epoch, by method. Higher is better. The vertical axis does not "
        "start at zero; all panels share it."
    )
    return Drawing(figure, TITLE, caption, note)


def _cut(trained: pd.DataFrame, low: float) -> str:
    """Return the sentence on what a view down to `low` percent leaves out."""
    cells = [c for c in trained.columns if c not in ("epoch", *ESTIMATED)]
    highest = trained.groupby(cells, sort=False)["mean"].max() * 100
    unseen = (highest < low).sum()
    phrases = ["Epoch 0 (before training, near chance) is not shown"]
    if (trained["mean"] * 100 < low).any():
        phrases.append("epochs below the axis are cut off")
    if unseen:
        phrases.append(f"{unseen} of {len(highest)} lines stay below it throughout")
    return "; ".join(phrases) + "."
