"""Cross-entropy on test and training images against the epoch."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis.cells import varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    methods_of,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.drawing.curves import curves, draw_curves
from analysis.drawing.style import Look
from analysis.tables import Results

ORDER = 30
TITLE = "Cross-entropy during training"
#: The view ends at the lowest test loss divided by this, even if training losses are lower.
_BELOW = 10


def draw(results: Results) -> Drawing:
    """Draw mean cross-entropy in nats against the epoch: test with a band, training thin."""
    by = [*varying(results), "epoch"]
    train = curves(results, "train_loss")[[*by, "mean"]].rename(columns={"mean": "train"})
    table = curves(results, "test_loss").merge(train, on=by)
    table = table[table["mean"] > 0]
    if table["epoch"].max() < 1 or table.empty:
        raise NothingToDraw("No trial has a finite loss after a first epoch.")
    shown = methods_of(results, table)
    figure, panels, left_out = sheet(split(results, table), 3.0, "epoch", "cross-entropy (nats)")
    low, high = _view(curves(results, "test_loss", sound=True), table)
    for axes, panel in panels:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        positive = panel.rows["low"].where(panel.rows["low"] > 0)  # the axis is logarithmic
        draw_curves(axes, panel.rows.assign(low=positive), shown, scale=1)
        _draw_training(axes, panel.rows, shown)
        axes.yaxis.set_major_locator(LogLocator(10, (1, 2, 5) if high < 300 * low else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda nats, _: f"{nats:g}"))
        axes.yaxis.set_minor_locator(LogLocator(10, ()))
    note = sentences(
        seeds(table["n"], "band"),
        "No band where it would reach zero." if (table["low"] <= 0).any() else "",
        "Lines with marks: test. Thin lines: training, mean over the epoch's batches during "
        "training (at epoch 0: over all training images before training).",
        _cut(table, low, high),
        diverged_or_dead(results.trials),
        left_out,
    )
    thin = Line2D([], [], color="#555555", lw=0.8, label="training (thin)")
    finish(figure, TITLE, shown, note, [thin])
    caption = (
        "Mean cross-entropy without penalties, by method; guessing among ten classes costs 2.3 "
        "nats. Lower is better. The axis is logarithmic; all panels share it. If the test loss "
        "rises while the training loss falls, the network becomes overconfident."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(sound: pd.DataFrame, table: pd.DataFrame) -> tuple[float, float]:
    """Return limits in nats that hold all test means and the training means near them."""
    known = sound.loc[sound["mean"] > 0, "mean"]
    train = table.loc[table["train"] > 0, "train"]
    lowest = max(min(train.min(), known.min()), known.min() / _BELOW)
    return lowest / 1.15, known.max() * 1.15


def _draw_training(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> None:
    for method, look in shown.items():
        line = rows[(rows["method"] == method) & (rows["train"] > 0)].sort_values("epoch")
        axes.plot(line["epoch"], line["train"], look.line, color=look.colour, lw=0.8)


def _cut(table: pd.DataFrame, low: float, high: float) -> str:
    """Return the sentence on what the view leaves out, or ""."""
    phrases = ["training below the axis"] if (table["train"] < low).any() else []
    phrases += ["diverged or dead trials above it"] if (table["mean"] > high).any() else []
    return f"Lines cut off: {', '.join(phrases)}." if phrases else ""
