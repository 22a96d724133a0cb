"""What training connections costs, in ratio to training weights, and the time to an accuracy."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, METHOD_ONLY, heading, settings
from analysis.drawing import Drawing, NothingToDraw, finish, methods_of, panels, sentences
from analysis.drawing.points import Outside, draw_points, unseen
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.drawing.style import Look
from analysis.estimates.costs import comparable, epoch_seconds, quartiles
from analysis.estimates.pairing import REACHED, timed
from analysis.numbers import many, number
from analysis.tables import Results
from analysis.verdicts.claims.cost import COST

ORDER = 70
TITLE = "What it costs"


def draw(results: Results) -> Drawing:
    """Draw the seconds of an epoch in ratio to dense's, and the seconds to an accuracy."""
    every = timed(results).merge(epoch_seconds(results.epochs), on="attempt")
    kept = comparable(every)
    if set(kept["method"]) <= {BASELINE}:
        raise NothingToDraw(
            f"No trial ran under the same setting, engine and device as one of {BASELINE}."
        )
    kept["to_accuracy"] = np.exp(kept["log_seconds"]).fillna(np.inf)
    shown = methods_of(results, kept)
    by = [n for n in settings(results) if n not in METHOD_ONLY and kept[n].nunique() > 1]
    figure, placed, left_out = side_by_side(
        panels(results, kept, by),
        1.0 + 0.38 * len(shown),
        Side("an epoch's training", f"seconds, in ratio to {BASELINE}"),
        Side("training to an accuracy", "training time (s)"),
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
    note = _note(results, every, kept, sentences(unseen(outside), left_out))
    finish(figure, TITLE, {}, note)
    caption = (
        "Left: seconds of an epoch's training, evaluation not included, in ratio to dense training "
        f"under the same setting; left of the dashed line ({COST:g}) the cost counts as similar. "
        f"Right: seconds of training until the test accuracy first reaches {REACHED:.0%} of what "
        "dense training ends with."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(medians: pd.DataFrame) -> tuple[float, float]:
    """Limits that hold the quartiles, 1 and the bound."""
    low, high = min(medians["low"].min(), 1.0), max(medians["high"].max(), COST)
    room = 0.08 * (high - low)
    return low - room, high + room


def _draw_times(axes: Axes, rows: pd.DataFrame, shown: dict[str, Look]) -> Outside:
    """Draw the seconds to the accuracy, and write how many trials never get there."""
    medians = quartiles(rows, ["method"], "to_accuracy")
    known = medians[["mean", "low", "high"]].replace(np.inf, np.nan).max().max()
    axes.set_xlim(0, 1.08 * known if known > 0 else 1.0)
    reached = rows.assign(to_accuracy=rows["to_accuracy"].replace(np.inf, np.nan))
    seen = medians[np.isfinite(medians["mean"])]
    found = draw_points(axes, reached, seen, "to_accuracy", shown, scale=1, word="median")
    dense = rows.loc[rows["method"] == BASELINE, "test_accuracy"].mean()
    axes.set_title(f"{axes.get_title()} of {number(100 * REACHED * dense, 1)}%")
    never = np.isinf(rows["to_accuracy"]).groupby(rows["method"]).agg(["sum", "size"])
    for at, method in enumerate(shown):
        if method in never.index and never.loc[method, "sum"]:
            said = "{} of {}\nnever".format(*never.loc[method])
            place = axes.get_yaxis_transform()
            axes.text(1.02, at, said, transform=place, va="center", size=8)
    return found


def _note(results: Results, every: pd.DataFrame, kept: pd.DataFrame, rest: str) -> str:
    """What the figure says of the times: whence they are, what is shown, what is left out."""
    machines = f" on {kept['host'].nunique()} machines" if kept["host"].nunique() > 1 else ""
    never, missing = int(np.isinf(kept["to_accuracy"]).sum()), len(every) - len(kept)
    pooled = " or ".join(heading(name) for name in settings(results) if name in METHOD_ONLY)
    return sentences(
        f"Times of {many(len(kept), 'trial')} ({_conditions(kept)}){machines}, taken while other "
        "trials ran beside them: `make bench` measures side by side.",
        "Small points: one trial each, left the median of its epochs; mark and bar: median and "
        f"quartiles of the trials. Dashed: the bound of C5, {COST:g}.",
        "The time to an accuracy is known to a whole epoch.",
        f"Never there, and counted as later than all others: {many(never, 'trial')}."
        if never
        else "",
        f"Trials that differ in {pooled} stand in one row." if pooled else "",
        f"{many(missing, 'trial')} left out: no {BASELINE} of the same setting, engine and device."
        if missing
        else "",
        rest,
    )


def _conditions(kept: pd.DataFrame) -> str:
    """The engines and devices of the trials."""
    pairs = kept[["engine", "device"]].drop_duplicates().itertuples(index=False)
    return "; ".join(f"engine {engine}, {device}" for engine, device in pairs)
