"""Residual networks: accuracy after the last epoch and after the best epoch by the test set.

The original paper's ResNet code uses the test set for validation, so its accuracies are those of
the best epoch. They are shown because they were reported, and marked as optimistic.
"""

import duckdb
import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    methods_of,
    seeds,
    sentences,
    split,
)
from analysis.drawing.points import Outside, draw_points, unseen, view
from analysis.drawing.side_by_side import TINT, Side, side_by_side
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.numbers import number
from analysis.tables import Results

ORDER = 64
TITLE = "Residual networks: last epoch, and best epoch by the test set"
_LAST, _BEST = "test_accuracy", "best_accuracy"


def draw(results: Results) -> Drawing:
    """Draw the final test accuracy in percent, and beside it the highest of all epochs."""
    residual = results.trials[results.trials["network"].str.startswith("resnet")]
    if residual.empty:
        raise NothingToDraw("No trial of a residual network is finished.")
    trials = residual.merge(best_epochs(results.epochs), on="attempt").dropna(subset=[_LAST, _BEST])
    if trials.empty:
        raise NothingToDraw("No trial of a residual network has an accuracy after an epoch.")
    shown = methods_of(results, trials)
    figure, placed, left_out = side_by_side(
        split(results, trials),
        0.9 + 0.38 * len(shown),
        Side("after the last epoch", "test accuracy (%)"),
        Side("OPTIMISTIC: best epoch by the test set itself", "test accuracy (%)"),
        same_across=True,
        same_up=True,
    )
    counts: list[int] = []
    outside: list[Outside] = []
    by = varying(results)
    lows, highs = zip(*(view(trials, by, value) for value in (_LAST, _BEST)), strict=True)
    low, high = min(lows), max(highs)
    for last, best, panel in placed:
        for axes, value in ((last, _LAST), (best, _BEST)):
            means = grouped(panel.rows, by, value)
            axes.set_xlim(low, high)
            outside.append(draw_points(axes, panel.rows, means, value, shown))
            counts += means["n"].tolist()
            for mean in means.loc[means["method"] == BASELINE, "mean"]:
                axes.axvline(mean * 100, color="#333333", lw=0.9, ls=(0, (4, 3)), zorder=0.5)
        best.set_facecolor(TINT)
        _write_gains(best, panel.rows, shown)
    note = sentences(
        "Small points: one seed each.",
        seeds(counts, "bar"),
        "Dashed: mean of dense." if BASELINE in shown else "",
        "Tinted, not a result: the highest test accuracy of any epoch from epoch 1 on, as the "
        "original ResNet code reports it. It favours methods whose accuracy varies most from epoch "
        "to epoch. Gain: points above the last epoch, mean over seeds.",
        unseen(outside),
        diverged_or_dead(residual),
        left_out,
    )
    finish(figure, TITLE, {}, note)
    caption = (
        "Left: test accuracy after the last epoch, by method. Right, tinted: test accuracy after "
        "the epoch with the highest test accuracy, which is too high for every method, for some "
        "more than for others. The axes do not start at zero."
    )
    return Drawing(figure, TITLE, caption, note)


def best_epochs(epochs: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Return the highest test accuracy of each trial's epochs, epoch 0 excluded.

    Args:
        epochs: the table `epochs` of results.

    Returns:
        A row per trial of one epoch or more: attempt, best_accuracy, a fraction.
    """
    highest = f"max(nullif({_LAST}, 'nan'::DOUBLE)) AS {_BEST}"
    trained = epochs.filter("epoch > 0 AND network LIKE 'resnet%'")
    accuracies: pd.DataFrame = trained.aggregate(f"attempt, {highest}", "attempt").df()
    return accuracies


def _write_gains(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> None:
    """Write right of each method's row how far its best epoch is above its last."""
    gains = (rows[_BEST] - rows[_LAST]).groupby(rows["method"]).mean() * 100
    place = axes.get_yaxis_transform()
    axes.text(1.02, -0.62, "gain", transform=place, size=8.5, style="italic")
    for at, method in enumerate(shown):
        if method in gains:
            text = number(float(gains[method]), 1, sign=True)
            axes.text(1.02, at, text, transform=place, va="center", size=8.5)
