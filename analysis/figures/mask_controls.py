"""Does the mask carry the function, or only how many connections each layer keeps?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, panel_fields
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    diverged_or_dead,
    finish,
    methods_of,
    panels,
    seeds,
    sentences,
)
from analysis.drawing.categories import Measure, draw_rows, view
from analysis.drawing.kinds import CHANCE, draw_chance
from analysis.drawing.points import Outside, unseen
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.drawing.style import Look
from analysis.estimates.controls import MOVED, RETRAINED, moved, retrained
from analysis.tables import Results

ORDER = 71
TITLE = "The trained network with its mask or its weights exchanged"
_SIDES = (
    Side("without further training", "test accuracy (%)"),
    Side("weights trained under the mask", "test accuracy (%)"),
)
_MOVED = Measure("accuracy", _SIDES[0], True, False)
_RETRAINED = Measure("accuracy", _SIDES[1], False, False)


def draw(results: Results) -> Drawing:
    """Draw the test accuracy in percent of trained networks and of their controls."""
    first, second = moved(results), retrained(results)
    if first["accuracy"].notna().sum() + second["accuracy"].notna().sum() == 0:
        raise NothingToDraw("No trial's mask was tried permuted or on other weights.")
    to_draw = _panels(results, first, second)
    looks = methods_of(results, pd.concat([first, second]))
    height = 0.75 + len(MOVED) * (0.12 + 0.19 * len(looks))
    figure, placed, left_out = side_by_side(to_draw, height, *_SIDES, same_across=False)
    outside: list[Outside] = []
    dense = results.trials[results.trials["method"] == BASELINE]
    chance_drawn = False
    for left, right, panel in placed:
        rows = panel.rows[panel.rows["which"] == "moved"]
        outside += _draw(left, rows, list(MOVED.values()), looks, _MOVED, (-1, 101))
        chance_drawn |= draw_chance(left, rows["classes"])
        rows = panel.rows[panel.rows["which"] == "trained"]
        outside += _draw(right, rows, list(RETRAINED.values()), looks, _RETRAINED)
        if len(rows):
            _draw_dense(right, _dense_of(dense, panel.rows, panel_fields(results)))
    rows = pd.concat([panel.rows for *_, panel in placed])
    note = sentences(
        "Small points: one seed each.",
        seeds(rows.groupby(["which", "control", "method"], sort=False)["seed"].nunique(), "bar"),
        f"Dashed: mean of {BASELINE}." if len(dense) and len(second) else "",
        unseen(outside),
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, looks, note, [CHANCE] if chance_drawn else [])
    caption = (
        "Left: test accuracy of the trained network, and its accuracy with the mask permuted "
        "within each layer, with weights redrawn under the mask, with both, and before training. "
        "If only the number of connections that each layer keeps mattered, the permuted mask would "
        "do as well. Right: test accuracy of weights trained under the mask that the method has "
        "learned, under this mask permuted, and under this mask from other weights."
    )
    return Drawing(figure, TITLE, caption, note)


def _panels(results: Results, first: pd.DataFrame, second: pd.DataFrame) -> list[Panel]:
    """Return a panel per combination of fields; `which` says which side a row belongs to."""
    rows = pd.concat([first.assign(which="moved"), second.assign(which="trained")])
    varied = [name for name in panel_fields(results) if rows[name].nunique() > 1]
    return panels(results, rows.dropna(subset="accuracy"), varied)


def _draw(
    axes: Axes,
    rows: pd.DataFrame,
    order: Sequence[str],
    looks: dict[str, Look],
    measure: Measure,
    limits: tuple[float, float] | None = None,
) -> list[Outside]:
    """Draw one side, or write that the study does not have it."""
    if rows.empty:
        axes.text(0.5, 0.5, "not in this study", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
        return []
    axes.set_xlim(limits or view(rows, "control", measure))
    outside = draw_rows(axes, rows, "control", order, looks, measure)
    axes.set_yticks(range(len(order)), order)
    return [outside]


def _dense_of(dense: pd.DataFrame, rows: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    """Return the dense trials that belong to a panel."""
    for name in fields:
        if name in rows and rows[name].nunique() == 1:
            dense = dense[dense[name] == rows[name].iloc[0]]
    return dense


def _draw_dense(axes: Axes, dense: pd.DataFrame) -> None:
    """Draw the mean of dense training, and widen the view to include it."""
    mean = dense["test_accuracy"].mean() * 100
    if not np.isnan(mean):
        left, right = axes.get_xlim()
        axes.set_xlim(min(left, mean - 0.2), max(right, mean + 0.2))
        axes.axvline(mean, color="#333333", lw=1, ls=(0, (4, 3)))
