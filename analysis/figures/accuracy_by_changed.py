"""Accuracy relative to dense training against the fraction of changed connections."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from analysis.cells import panel_fields, spread, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    panels,
    seeds,
    sentences,
    sheet,
)
from analysis.drawing.points import view
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.estimates.relative import REFERENCE, relative
from analysis.tables import Results

ORDER = 8
TITLE = "Accuracy relative to dense against changed connections"
#: The claim of arXiv:2006.16627, in percent: fewer changed connections, more accuracy.
_CHANGED, _ACCURACY = 10, 90
#: The view does not reach lower, in percent; means below it are marked at the edge.
_FLOOR = 75.0
_CORNER: dict[str, Any] = {"color": "#009E73", "alpha": 0.13, "lw": 0}


def draw(results: Results) -> Drawing:
    """Draw a point per trial and the mean per method and density, in percent."""
    methods = relative(results.trials)
    trials = methods.dropna(subset=["relative", "changed"])
    if trials.empty:
        raise NothingToDraw("No trial that prunes or flips has a dense partner to compare with.")
    others = [name for name in panel_fields(results) if name != "density"]
    to_draw = panels(results, spread(results, trials, others), others)
    shown = methods_of(results, trials)
    figure, placed, left_out = sheet(
        to_draw, 3.2, "changed connections (%)", "accuracy (% of dense)"
    )
    low, high = view(trials, varying(results), "relative", bounded=False)
    most = max(trials["relative"].max() * 100, 103.0)
    low, high = min(max(low, _FLOOR), _ACCURACY - 2.0), max(min(high, most), 101.0)
    right = max(limits(0, trials["changed"].max() * 100)[1], 1.5 * _CHANGED)
    counts: list[int] = []
    outside = 0
    for axes, panel in placed:
        axes.set(xlim=(-0.03 * right, right), ylim=(low, high))
        axes.add_patch(Rectangle((-right, _ACCURACY), right + _CHANGED, 2 * high, **_CORNER))
        axes.axhline(100, color="#333333", lw=0.9, ls=(0, (4, 3)), zorder=1.5)
        means = _means(panel.rows)
        _draw(axes, panel.rows, means, shown)
        counts += means["n"].tolist()
        outside += _mark_outside(axes, means, shown)
    note = sentences(
        "Small rings: one seed each." if max(counts) > 1 else "",
        seeds(counts, "bars"),
        f"Triangles at an edge: {outside} of {len(counts)} means lie outside the view."
        if outside
        else "",
        _reference(trials),
        _without_partner(methods),
        diverged_or_dead(results.trials),
        left_out,
    )
    corner = Patch(**_CORNER, label="claim: < 10%, > 90%")
    finish(figure, TITLE, shown, note, [corner])
    caption = (
        "Final test accuracy in percent of that of dense training with the same seed (from "
        "he-normal weights if the study has them), against the fraction of connections that are "
        "pruned or flipped. Shaded: the original paper's claim, fewer than 10% changed and more "
        "than 90% of the accuracy of dense. Higher and further left is better. A line joins the "
        "densities of a method that needs one."
    )
    return Drawing(figure, TITLE, caption, note)


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy relative to dense and the changed fraction per method and density."""
    by = ["method", "density"]
    changed = grouped(rows, by, "changed")[[*by, "mean", "low", "high"]]
    return grouped(rows, by, "relative").merge(changed, on=by, suffixes=("", "_changed"))


def _draw(axes: Axes, rows: pd.DataFrame, means: pd.DataFrame, shown: dict[str, Look]) -> None:
    for method, look in shown.items():
        trials, line = (table[table["method"] == method] for table in (rows, means))
        line = line.sort_values("density")
        points = trials["changed"] * 100, trials["relative"] * 100
        axes.errorbar(
            line["mean_changed"] * 100,
            line["mean"] * 100,
            xerr=((line["high_changed"] - line["mean_changed"]) * 100).fillna(0),
            yerr=((line["high"] - line["mean"]) * 100).fillna(0),
            color=look.colour,
            linestyle=look.line,
            lw=1,
            marker=look.marker,
            ms=7,
            mec="white",
            elinewidth=1.3,
            zorder=3,
        )
        if (line["n"] > 1).any():  # a single trial is its own mean
            axes.plot(*points, "o", ms=3, mfc="white", mec=look.colour, mew=0.8, zorder=2)


def _mark_outside(axes: Axes, means: pd.DataFrame, shown: dict[str, Look]) -> int:
    """Mark means out of view at the edge; return how many there are."""
    low, high = axes.get_ylim()
    outside = means[~(means["mean"] * 100).between(low, high)]
    for _, row in outside.iterrows():
        under, look = row["mean"] * 100 < low, shown[str(row["method"])]
        at = float(row["mean_changed"]) * 100, low if under else high
        axes.plot(*at, "v" if under else "^", color=look.colour, ms=7, mew=0, clip_on=False)
    return len(outside)


def _reference(trials: pd.DataFrame) -> str:
    """Return the sentence on what the accuracies are relative to."""
    same_weights = int(trials["own"].sum())
    first, second = f"dense from {REFERENCE} weights", "dense from the same weights"
    if same_weights == 0:
        return f"Dashed, 100%: {first}."
    both = f"{first}, or {second} if there is no such trial"
    return f"Dashed, 100%: {second if same_weights == len(trials) else both}."


def _without_partner(trials: pd.DataFrame) -> str:
    missing = int((trials["relative"].isna() & trials["test_accuracy"].notna()).sum())
    text = f"{missing} of {len(trials)} trials have no dense partner with the same recipe."
    return text if missing else ""
