"""The cost of training connections relative to training weights, and the time to an accuracy."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, METHOD_ONLY, heading, panel_fields
from analysis.drawing import Drawing, NothingToDraw, finish, panels, sentences, styles_of
from analysis.drawing.points import Outside, draw_points, unseen
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.drawing.style import Style
from analysis.estimates.costs import REACHED, comparable, epoch_seconds, quartiles, timed
from analysis.numbers import many, number
from analysis.tables import Results
from analysis.verdicts.claims.cost import COST

ORDER = 70
TITLE = "Cost of training"


def draw(results: Results) -> Drawing:
    """Draw the seconds of an epoch in ratio to dense, and the seconds to an accuracy."""
    trials = timed(results).merge(epoch_seconds(results.epochs), on="attempt")
    kept = comparable(trials)
    if set(kept["method"]) <= {BASELINE}:
        raise NothingToDraw(
            f"No trial ran on the same task, engine and device as a trial of {BASELINE}."
        )
    kept["to_accuracy"] = np.exp(kept["log_seconds"]).fillna(np.inf)
    shown = styles_of(results, kept)
    by = [n for n in panel_fields(results) if n not in METHOD_ONLY and kept[n].nunique() > 1]
    figure, placed, left_out = side_by_side(
        panels(results, kept, by),
        1.0 + 0.38 * len(shown),
        Side("training time of an epoch", f"seconds, in ratio to {BASELINE}"),
        Side("training time to an accuracy", "training time (s)"),
        same_across=False,
        same_up=True,
    )
    low, high = _view(quartiles(kept, [*by, "method"], "epoch_ratio"))
    outside: list[Outside] = []
    for epoch, whole, panel in placed:
        epoch.set_xlim(low, high)
        medians = quartiles(panel.rows, ["method"], "epoch_ratio")
        outside.append(
            draw_points(epoch, panel.rows, medians, "epoch_ratio", shown, scale=1, word="median")
        )
        epoch.axvline(1, color="#333333", lw=0.9, zorder=0.5)
        epoch.axvline(COST, color="#333333", lw=1.2, ls=(0, (4, 3)), zorder=0.5)
        outside.append(_draw_times(whole, panel.rows, shown))
    note = _note(results, trials, kept, sentences(unseen(outside), left_out))
    finish(figure, TITLE, {}, note)
    caption = (
        "Left: training time of an epoch, without evaluation, in ratio to dense training on the "
        f"same task. Left of the dashed line ({COST:g}) the cost counts as similar. Right: "
        f"training time until the test accuracy first reaches {REACHED:.0%} of the final accuracy "
        "of dense training."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(medians: pd.DataFrame) -> tuple[float, float]:
    """Return limits that hold the quartiles, 1 and the bound."""
    low, high = min(medians["low"].min(), 1.0), max(medians["high"].max(), COST)
    room = 0.08 * (high - low)
    return low - room, high + room


def _draw_times(axes: Axes, rows: pd.DataFrame, shown: dict[str, Style]) -> Outside:
    """Draw the seconds to the accuracy, and write how many trials never reach it."""
    medians = quartiles(rows, ["method"], "to_accuracy")
    longest = medians[["mean", "low", "high"]].replace(np.inf, np.nan).max().max()
    axes.set_xlim(0, 1.08 * longest if longest > 0 else 1.0)
    reached = rows.assign(to_accuracy=rows["to_accuracy"].replace(np.inf, np.nan))
    finite = medians[np.isfinite(medians["mean"])]
    outside = draw_points(axes, reached, finite, "to_accuracy", shown, scale=1, word="median")
    dense = rows.loc[rows["method"] == BASELINE, "test_accuracy"].mean()
    axes.set_title(f"{axes.get_title()} of {number(100 * REACHED * dense, 1)}%")
    never = np.isinf(rows["to_accuracy"]).groupby(rows["method"]).agg(["sum", "size"])
    for at, method in enumerate(shown):
        if method in never.index and never.loc[method, "sum"]:
            text = "{} of {}\nnever".format(*never.loc[method])
            place = axes.get_yaxis_transform()
            axes.text(1.02, at, text, transform=place, va="center", size=8)
    return outside


def _note(results: Results, trials: pd.DataFrame, kept: pd.DataFrame, rest: str) -> str:
    """Return the note: where the times are from, what is shown, what is left out."""
    machines = f" on {kept['host'].nunique()} machines" if kept["host"].nunique() > 1 else ""
    never, missing = int(np.isinf(kept["to_accuracy"]).sum()), len(trials) - len(kept)
    pooled = " or ".join(heading(name) for name in panel_fields(results) if name in METHOD_ONLY)
    return sentences(
        f"Times of {many(len(kept), 'trial')} ({_conditions(kept)}){machines}, measured while "
        "other trials ran on the same machine; `make bench` measures methods in turn.",
        "Small points: one trial each (left: the median of its epochs). Mark and bar: median and "
        f"quartiles of the trials. Dashed: the bound of C5, {COST:g}.",
        "The time to an accuracy is measured in whole epochs.",
        f"{many(never, 'trial')} never reached it and counted as later than all others."
        if never
        else "",
        f"Trials that differ in {pooled} share a row." if pooled else "",
        f"{many(missing, 'trial')} left out: no {BASELINE} on the same task, engine and device."
        if missing
        else "",
        rest,
    )


def _conditions(kept: pd.DataFrame) -> str:
    """Return the engines and devices of the trials."""
    pairs = kept[["engine", "device"]].drop_duplicates().itertuples(index=False)
    return "; ".join(f"engine {engine}, {device}" for engine, device in pairs)
