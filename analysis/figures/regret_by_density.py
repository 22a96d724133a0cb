"""The regret of a wrong threshold, and that of methods without a threshold to choose."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.cells import ordered, panel_fields
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
    sheet,
)
from analysis.drawing.style import Look
from analysis.estimates.regret import Regrets, regrets
from analysis.numbers import many
from analysis.tables import Results

ORDER = 7
TITLE = "Regret of a wrong density"
#: If a mean regret reaches this many points, the axis is logarithmic, so that small ones are seen.
_WIDE = 4.0
_TICKS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


@dataclass(frozen=True)
class _Panel(Panel):
    """A panel with the method whose densities it shows, and their regrets."""

    method: str
    regrets: Regrets

    @property
    def estimates(self) -> pd.DataFrame:
        """All mean regrets with their intervals, in points."""
        both = [self.regrets.curve, self.regrets.levels]
        return pd.concat(both)[["mean", "low", "high"]] * 100


def draw(results: Results) -> Drawing:
    """Draw the regrets in points: marks over densities, and lines; a panel per method."""
    to_draw = _panels(results)
    if not to_draw:
        raise NothingToDraw("No density has a regret, since no method is trained at several.")
    shown = methods_of(results, pd.concat(panel.rows for panel in to_draw))
    up = "regret (points of test accuracy)"
    figure, placed, left_out = sheet(to_draw, 3.3, "density", up)
    drawn = to_draw[: len(placed)]
    means = pd.concat(panel.estimates["mean"] for panel in drawn)
    ends = pd.concat(panel.estimates[["low", "high"]] for panel in drawn)
    low, high = _view(means, ends)
    for (axes, _), panel in zip(placed, drawn, strict=True):
        _draw(axes, panel, shown, results.margin)
        axes.set_ylim(low, high)
    if means.max() >= _WIDE:
        _make_logarithmic(placed[0][0])  # all panels share the axis
    counts = [n for panel in drawn for n in (*panel.regrets.curve["n"], *panel.regrets.levels["n"])]
    count = int((ends["low"] < low).sum() + (ends["high"] > high).sum())
    note = sentences(
        seeds(counts, "bar or band"),
        "Ringed: the best density of the grid, by the mean over the seeds shown. Choosing it on "
        "these seeds favours it (winner's curse) and makes all regrets larger, including those of "
        "the methods without a threshold (horizontal lines). A line below zero is better than the "
        "best density.",
        f"Grey: the study's margin, ±{results.margin:g} points." if results.margin else "",
        "Linear up to 1 point, logarithmic beyond." if means.max() >= _WIDE else "",
        f"{many(count, 'end')} of intervals outside the axis." if count else "",
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Regret of a density: the test accuracy at the best density of its method minus that at "
        "this density, paired by seed. It is the cost of choosing a wrong threshold. Horizontal "
        "lines with a band: methods that need no threshold, compared with the same best density. "
        "Lower is better."
    )
    return Drawing(figure, TITLE, caption, note)


def _panels(results: Results) -> list[_Panel]:
    """Return a panel per combination of the other fields and method with several densities."""
    trials = results.trials.dropna(subset="test_accuracy")
    others = [name for name in panel_fields(results) if name != "density"]
    split = []
    for panel in panels(results, trials, others):
        chosen = panel.rows[panel.rows["density"] > 0].groupby("method")["density"].nunique()
        for method in ordered(results, "method"):
            if chosen.get(method, 0) < 2:
                continue
            of_method = (panel.rows["method"] == method) & (panel.rows["density"] > 0)
            estimates = regrets(panel.rows, str(method))
            title = f"{panel.title}: {method}" if panel.title else str(method)
            levels = panel.rows["method"].isin(estimates.levels["method"])
            rows = panel.rows[of_method | levels]
            split.append(_Panel(title, rows, str(method), estimates))
    return split


def _view(means: pd.Series, ends: pd.DataFrame) -> tuple[float, float]:
    """Return limits in points that hold all means, and intervals down to one point below zero."""
    low = min(means.min(), max(ends["low"].min(), -1.0))
    high = max(means.max(), min(ends["high"].max(), max(means.max(), 1.0) * 1.3))
    return 1.15 * low - 0.05, 1.15 * high + 0.05


def _draw(axes: Axes, panel: _Panel, shown: dict[str, Look], margin: float | None) -> None:
    if margin is not None:
        axes.axhspan(-margin, margin, color="#777777", alpha=0.13, lw=0, zorder=0.4)
    axes.axhline(0, color="#333333", lw=0.9, zorder=0.5)
    for _, level in panel.regrets.levels.iterrows():
        look = shown[str(level["method"])]
        axes.axhline(level["mean"] * 100, color=look.colour, linestyle=look.line, lw=1.6)
        axes.axhspan(level["low"] * 100, level["high"] * 100, color=look.colour, alpha=0.1, lw=0)
    curve, look = panel.regrets.curve, shown[panel.method]
    mean, low, high = (curve[name].to_numpy() * 100 for name in ("mean", "low", "high"))
    axes.errorbar(
        curve["density"],
        mean,
        yerr=[np.nan_to_num(mean - low), np.nan_to_num(high - mean)],
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        ms=6,
        lw=1.6,
        capsize=2.5,
    )
    axes.plot(panel.regrets.best, 0, "o", ms=13, mfc="none", mec="#333333", mew=1.3)


def _make_logarithmic(axes: Axes) -> None:
    low, high = axes.get_ylim()
    axes.set_yscale("symlog", linthresh=1.0, linscale=1.0)
    ticks = [sign * tick for tick in _TICKS for sign in (-1, 1) if low <= sign * tick <= high]
    axes.yaxis.set_major_locator(FixedLocator(sorted(set(ticks))))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.set_ylim(low, high)


def _tick(value: float, _: int | None) -> str:
    return f"{value + 0.0:g}".replace("-", "\N{MINUS SIGN}")
