"""Residual networks: accuracy after the last epoch and after the best epoch by the test set.

The original paper's ResNet code uses the test set for validation, so its accuracies are those of
the best epoch. They are shown because they were reported, and marked as optimistic.
"""

from dataclasses import replace

import duckdb
import pandas as pd

from analysis.cells import BASELINE
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import arm_rows, arm_view, dense_lines
from analysis.drawing.limits import PERCENT, Limits
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.rows import RowPanel, Rows, RowSide, Slot
from analysis.drawing.sides import seeds_of
from analysis.numbers import number
from analysis.tables import Results

ORDER = 64
QUESTION = "accuracy"
TITLE = "Residual networks: last epoch, and best epoch by the test set"
CAPTION = (
    "Left: test accuracy after the last epoch, by method. Right, tinted: test accuracy after the "
    "epoch with the highest test accuracy, which is too high for every method, for some more than "
    "for others. The axes do not start at zero."
)
_LAST, _BEST = "test_accuracy", "best_accuracy"


def summarise(results: Results) -> Rows:
    """Return the final test accuracy in percent, and beside it the highest of all epochs."""
    residual = results.trials[results.trials["network"].str.startswith("resnet")]
    if residual.empty:
        raise NothingToDraw("No trial of a residual network is finished.")
    trials = residual.merge(best_epochs(results.epochs), on="attempt").dropna(subset=[_LAST, _BEST])
    if trials.empty:
        raise NothingToDraw("No trial of a residual network has an accuracy after an epoch.")
    lows, highs = zip(
        *(arm_view(results, trials, value, within=PERCENT) for value in (_LAST, _BEST)),
        strict=True,
    )
    limits = min(lows), max(highs)
    both = (arm_rows(results, trials, value) for value in (_LAST, _BEST))
    panels = tuple(
        RowPanel(title, _sides(last, best, limits))
        for (title, last), (_, best) in zip(*both, strict=True)
    )
    styles = styles_of(results, trials)
    note = sentences(
        "Small points: one seed each.",
        seeds_of(panels),
        "Dashed: mean of dense." if BASELINE in styles else "",
        "Tinted, not a result: the highest test accuracy of any epoch from epoch 1 on, as the "
        "original ResNet code reports it. It favours methods whose accuracy varies most from epoch "
        "to epoch. Gain: points above the last epoch, mean over seeds.",
        diverged_or_dead(residual),
    )
    return Rows(panels, styles, note, in_legend=False)


def _sides(
    last: tuple[Slot, ...], best: tuple[Slot, ...], limits: Limits
) -> tuple[RowSide, RowSide]:
    """Return the last epoch, and the best one with what it gains."""
    axis, final = "test accuracy (%)", "after the last epoch"
    optimistic = RowSide(
        "OPTIMISTIC: best epoch by the test set itself",
        axis,
        limits,
        tuple(replace(b, aside=_gain(a, b)) for a, b in zip(last, best, strict=True)),
        guides=dense_lines(best),
        is_tinted=True,
        aside="gain",
    )
    return RowSide(final, axis, limits, last, guides=dense_lines(last)), optimistic


def _gain(last: Slot, best: Slot) -> str:
    gains = (b.mean - a.mean for a, b in zip(last.marks, best.marks, strict=True))
    return ", ".join(number(gain, 1, sign=True) for gain in gains)


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
