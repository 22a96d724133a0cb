"""Accuracy relative to dense training against the fraction of changed connections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from analysis.cells import at_chosen, panel_fields, spread, varying
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.layout import finish, left_out, panel_grid
from analysis.drawing.limits import Limits, completed, outside, padded, view
from analysis.drawing.marks import Mark, draw_behind, draw_mark, from_table
from analysis.drawing.notes import diverged_or_dead, seeds, sentences, unseen
from analysis.drawing.panels import MOST_PANELS, Panel, panels, styles_of
from analysis.drawing.style import CLAIMED, PAPER, Style
from analysis.estimates.intervals import grouped
from analysis.estimates.relative import REFERENCE, relative
from analysis.tables import Results

ORDER = 8
QUESTION = "accuracy"
TITLE = "Accuracy relative to dense against changed connections"
CAPTION = (
    "Final test accuracy in percent of that of dense training with the same seed (from he-normal "
    "weights if the study has them), against the fraction of connections that are pruned or "
    "flipped. Shaded: the original paper's claim, fewer than 10% changed and more than 90% of the "
    "accuracy of dense. Higher and further left is better. A line joins the densities of a method "
    "that needs one."
)
#: The claim of arXiv:2006.16627, in percent: fewer changed connections, more accuracy.
_CHANGED, _ACCURACY = 10.0, 90.0
#: The view does not reach lower, in percent; means below it are marked at the edge.
_FLOOR = 75.0


@dataclass(frozen=True)
class Arm:
    """A method at its densities, in percent.

    Attributes:
        method: the method.
        accuracy: the mean accuracy relative to dense, per density.
        changed: the mean changed fraction, per density.
        trials: changed fraction and accuracy of each trial; empty for single trials.
    """

    method: str
    accuracy: tuple[Mark, ...]
    changed: tuple[Mark, ...]
    trials: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Trade:
    """What the figure shows.

    Attributes:
        panels: the title and the methods of each panel.
        styles: the methods with their styles.
        across: limits of the horizontal axis.
        up: limits of the vertical axis.
        note: the sentences below the panels.
    """

    panels: tuple[tuple[str, tuple[Arm, ...]], ...]
    styles: Mapping[str, Style] = field(repr=False)
    across: Limits
    up: Limits
    note: str


def summarise(results: Results) -> Trade:
    """Return accuracies relative to dense and changed fractions, in percent."""
    methods = relative(at_chosen(results, results.trials))
    trials = methods.dropna(subset=["relative", "changed"])
    if trials.empty:
        raise NothingToDraw("No trial that prunes or flips has a dense partner to compare with.")
    others = panel_fields(results, without=["density"])
    styles = styles_of(results, trials)
    every = panels(results, spread(results, trials, others), others)
    drawn = tuple((panel.title, _arms(panel, styles)) for panel in every)
    up = _view(trials, varying(results))
    right = max(padded(0, trials["changed"].max() * 100)[1], 1.5 * _CHANGED)
    marks = [mark for _, arms in drawn[:MOST_PANELS] for arm in arms for mark in arm.accuracy]
    note = sentences(
        "Small rings: one seed each." if any(mark.n > 1 for mark in marks) else "",
        seeds((mark.n for mark in marks), "bars"),
        unseen([outside(marks, up)]),
        _reference(trials),
        _without_partner(methods),
        diverged_or_dead(results.trials),
        left_out(len(drawn)),
    )
    return Trade(drawn, styles, (-0.03 * right, right), up, note)


def _view(trials: pd.DataFrame, by: Sequence[str]) -> Limits:
    """Return limits in percent that hold the claim's bound, dense, and most means."""
    marks = from_table(grouped(completed(trials), by, "relative"))
    low, high = view(marks, include=(_ACCURACY - 1.5, 100.5))
    return max(low, _FLOOR), high


def _arms(panel: Panel, styles: Mapping[str, Style]) -> tuple[Arm, ...]:
    by = ["method", "density"]
    accuracy, changed = (grouped(panel.rows, by, value) for value in ("relative", "changed"))
    arms = []
    for method in styles:
        own = [t[t["method"] == method].sort_values("density") for t in (accuracy, changed)]
        rows = panel.rows[panel.rows["method"] == method]
        if len(rows):
            points = zip(rows["changed"] * 100, rows["relative"] * 100, strict=True)
            single = (own[0]["n"] == 1).all()  # a single trial is its own mean
            means = [tuple(from_table(table)) for table in own]
            arms.append(Arm(method, means[0], means[1], () if single else tuple(points)))
    return tuple(arms)


def draw(summary: Trade) -> Drawing:
    """Draw a ring per trial, and the mean per method and density."""
    titles = [title for title, _ in summary.panels]
    figure, grid = panel_grid(titles, 3.2, up="accuracy (% of dense)")
    for (_, arms), (axes,) in zip(summary.panels, grid, strict=False):
        axes.set(xlim=summary.across, ylim=summary.up, xlabel="changed connections (%)")
        left, high = summary.across[0], summary.up[1]
        corner = Rectangle((left, _ACCURACY), _CHANGED - left, high - _ACCURACY)
        corner.set(facecolor=CLAIMED, alpha=0.5, lw=0, zorder=0.5)
        axes.add_patch(corner)
        draw_behind(axes, ((100.0, "dense"),), upright=True)
        for arm in arms:
            _draw(axes, arm, summary)
    claim = Patch(facecolor=CLAIMED, alpha=0.5, label="claim: < 10%, > 90%")
    return finish(figure, TITLE, CAPTION, summary.note, summary.styles, [claim])


def _draw(axes: Axes, arm: Arm, summary: Trade) -> None:
    style = summary.styles[arm.method]
    low, high = summary.up
    inside = [(x, y) for x, y in arm.trials if low <= y <= high]
    if inside:
        ring: dict[str, Any] = {"ms": 3, "mfc": PAPER, "mec": style.colour, "mew": 0.8}
        axes.plot(*zip(*inside, strict=True), "o", clip_on=False, zorder=2, **ring)
    places = [mark.mean for mark in arm.changed]
    if len(places) > 1:
        means = [mark.mean for mark in arm.accuracy]
        axes.plot(places, means, style.line, color=style.colour, lw=1, zorder=2)
    for accuracy, changed in zip(arm.accuracy, arm.changed, strict=True):
        if low <= accuracy.mean <= high:
            ends = [changed.low, changed.high]
            axes.plot(ends, [accuracy.mean] * 2, color=style.colour, lw=1.4, zorder=2.5)
        draw_mark(axes, accuracy, changed.mean, style, upright=True, size=7)


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
