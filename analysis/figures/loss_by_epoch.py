"""Cross-entropy on test and training images against the epoch."""

from dataclasses import replace

import pandas as pd
from matplotlib.lines import Line2D

from analysis.cells import varying
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.curves import Curves, curves
from analysis.drawing.limits import Limits
from analysis.drawing.notes import diverged_or_dead
from analysis.drawing.style import SOFT
from analysis.tables import Results

ORDER = 30
QUESTION = "training"
TITLE = "Cross-entropy during training"
CAPTION = (
    "Mean cross-entropy without penalties, by method; guessing among ten classes costs 2.3 nats. "
    "Lower is better. The axis is logarithmic; all panels share it. If the test loss rises while "
    "the training loss falls, the network becomes overconfident."
)
#: The view ends at the lowest test loss divided by this, even if training losses are lower.
_BELOW = 10


def summarise(results: Results) -> Curves:
    """Return mean cross-entropy in nats against the epoch: test, and training as thin lines."""
    by = [*varying(results), "epoch"]
    train = curves(results, "train_loss", scale=1)[[*by, "mean"]].rename(columns={"mean": "thin"})
    table = curves(results, "test_loss", scale=1).merge(train, on=by)
    table = table[table["mean"] > 0]
    if table["epoch"].max() < 1 or table.empty:
        raise NothingToDraw("No trial has a finite loss after a first epoch.")
    low, high = _view(curves(results, "test_loss", scale=1, completed=True), table)
    losses = Curves.of(
        results,
        table.assign(thin=table["thin"].where(table["thin"] > 0)),
        "cross-entropy (nats)",
        (low, high),
        "Lines with marks: test. Thin lines: training, mean over the epoch's batches during "
        "training (at epoch 0: over all training images before training).",
        _cut(table, low, high),
        diverged_or_dead(results.trials),
    )
    return replace(losses, is_logarithmic=True)


def draw(summary: Curves) -> Drawing:
    """Draw the curves, those of training thin."""
    thin = Line2D([], [], color=SOFT, lw=0.8, label="training (thin)")
    return summary.draw(TITLE, CAPTION, [thin])


def _view(sound: pd.DataFrame, table: pd.DataFrame) -> Limits:
    """Return limits in nats that hold all test means and the training means near them."""
    known = sound.loc[sound["mean"] > 0, "mean"]
    train = table.loc[table["thin"] > 0, "thin"]
    lowest = max(min(train.min(), known.min()), known.min() / _BELOW)
    return lowest / 1.15, known.max() * 1.15


def _cut(table: pd.DataFrame, low: float, high: float) -> str:
    """Return the sentence on what the view leaves out, or ""."""
    phrases = ["training below the axis"] if (table["thin"] < low).any() else []
    phrases += ["diverged or dead trials above it"] if (table["mean"] > high).any() else []
    return f"Lines cut off: {', '.join(phrases)}." if phrases else ""
