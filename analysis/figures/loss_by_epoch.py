"""Cross-entropy of the test and the training images against the epoch."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis.cells import varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    lost,
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
TITLE = "Cross-entropy while training"
#: How far below the lowest test loss the view goes for the losses in training.
_BELOW = 10


def draw(results: Results) -> Drawing:
    """Draw mean cross-entropies in nats against the epoch: test with a band, training thin."""
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
        above = panel.rows["low"].where(
            panel.rows["low"] > 0
        )  # a logarithm has no place for others
        draw_curves(axes, panel.rows.assign(low=above), shown, scale=1)
        _draw_training(axes, panel.rows, shown)
        axes.yaxis.set_major_locator(LogLocator(10, (1, 2, 5) if high < 300 * low else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda nats, _: f"{nats:g}"))
        axes.yaxis.set_minor_locator(LogLocator(10, ()))
    note = sentences(
        seeds(table["n"], "band"),
        "No band where it would reach zero." if (table["low"] <= 0).any() else "",
        "Lines with marks: test. Thin: training, mean over the epoch's batches while it trained "
        "(at epoch 0 over all training images, before training).",
        _cut(table, low, high),
        lost(results.trials),
        left_out,
    )
    thin = Line2D([], [], color="#555555", lw=0.8, label="training (thin)")
    finish(figure, TITLE, shown, note, [thin])
    caption = (
        "Mean cross-entropy without penalties, in nats, by method; guessing among ten classes "
        "costs 2.3. Lower is better. The axis is logarithmic, and all panels share it. Where the "
        "test loss rises while the training loss falls, a network grows too sure of its answers."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(sound: pd.DataFrame, table: pd.DataFrame) -> tuple[float, float]:
    """Limits in nats that hold all means of the test and what of the training lies near them."""
    known = sound.loc[sound["mean"] > 0, "mean"]
    train = table.loc[table["train"] > 0, "train"]
    lowest = max(min(train.min(), known.min()), known.min() / _BELOW)
    return lowest / 1.15, known.max() * 1.15


def _draw_training(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> None:
    for method, look in shown.items():
        line = rows[(rows["method"] == method) & (rows["train"] > 0)].sort_values("epoch")
        axes.plot(line["epoch"], line["train"], look.line, color=look.colour, lw=0.8)


def _cut(table: pd.DataFrame, low: float, high: float) -> str:
    """What the view leaves out."""
    below, above = (table["train"] < low).any(), (table["mean"] > high).any()
    said = ["lines of training leave the axis below"] if below else []
    said += ["lines of diverged or dead trials leave it above"] if above else []
    return f"Cut off: {'; '.join(said)}." if said else ""
