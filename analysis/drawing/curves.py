"""Curves against the epoch: a line per method, and its interval after the last epoch beside them.

Bands around the lines of several methods would hide each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from analysis.cells import varying
from analysis.drawing import Drawing
from analysis.drawing.arms import arm_panels, chosen_arms, one_arm_each
from analysis.drawing.layout import finish, left_out, panel_grid
from analysis.drawing.limits import Limits, outside
from analysis.drawing.marks import Mark, draw_behind, draw_mark, from_table
from analysis.drawing.notes import seeds, sentences, unseen
from analysis.drawing.panels import MOST_PANELS, styles_of
from analysis.drawing.style import SOFT, Style
from analysis.estimates.intervals import ESTIMATED, grouped
from analysis.tables import Results, computed_once

Values = NDArray[np.float64]

#: The distance of two methods' intervals, as a fraction of the epochs.
_APART = 0.032
_EPOCHS = MaxNLocator(8, integer=True)


@dataclass(frozen=True)
class Curve:
    """The means of a method in each epoch, in the unit of display.

    Attributes:
        method: the method.
        epochs: [E], ascending.
        mean: [E].
        end: the mean after the last epoch, with its interval.
        thin: [E] further values that are drawn as a thin line; or empty.
    """

    method: str
    epochs: Values
    mean: Values
    end: Mark
    thin: Values = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class CurvePanel:
    """A panel: its title and its curves."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Curves:
    """What a figure with curves shows.

    Attributes:
        panels: at least one.
        styles: the methods with their styles.
        up: label of the vertical axis, with its unit.
        view: limits of the vertical axis.
        note: the sentences below the panels, without the one on panels left out.
        is_logarithmic: whether the vertical axis is.
        has_zero: whether a line is drawn at zero.
    """

    panels: tuple[CurvePanel, ...]
    styles: Mapping[str, Style] = field(repr=False)
    up: str
    view: Limits
    note: str
    is_logarithmic: bool = False
    has_zero: bool = False

    @classmethod
    def of(
        cls,
        results: Results,
        table: pd.DataFrame,
        up: str,
        view: Limits,
        *notes: str,
    ) -> "Curves":
        """Return what a figure shows of a table of means.

        Args:
            results: the study.
            table: rows of `curves`; `thin`, if it has it, are further means.
            up: label of the vertical axis, with its unit.
            view: limits of the vertical axis.
            notes: sentences between that on the seeds and that on the arms that are shown.
        """
        styles = styles_of(results, table)
        drawn = tuple(
            CurvePanel(
                panel.title,
                tuple(
                    _curve(method, rows.sort_values("epoch"))
                    for method in styles
                    if len(rows := panel.rows[panel.rows["method"] == method])
                ),
            )
            for panel in arm_panels(results, table)
        )
        note = sentences(
            seeds(table["n"], "bar right of the line, after the last epoch"),
            *notes,
            chosen_arms(results),
        )
        return cls(drawn, styles, up, view, note)

    @property
    def full_note(self) -> str:
        """The sentences below the panels."""
        ends = [curve.end for panel in self.panels[:MOST_PANELS] for curve in panel.curves]
        return sentences(self.note, unseen([outside(ends, self.view)]), left_out(len(self.panels)))

    def draw(self, title: str, caption: str, further: Sequence[Artist] = ()) -> Drawing:
        """Draw the panels of a figure.

        Args:
            title: the figure's title.
            caption: the figure's caption.
            further: entries of the legend after the methods.
        """
        titles = [panel.title for panel in self.panels]
        figure, grid = panel_grid(titles, 3.0, up=self.up, shared="up")
        for panel, (axes,) in zip(self.panels[:MOST_PANELS], grid, strict=True):
            axes.set_xlabel("epoch")
            axes.set_ylim(self.view)
            if self.is_logarithmic:
                _make_logarithmic(axes, self.view)
            for curve in panel.curves:
                _draw_curve(axes, curve, self.styles[curve.method])
            _draw_ends(axes, panel, self)
            draw_behind(axes, ((0.0, "zero"),) if self.has_zero else (), upright=True)
        return finish(figure, title, caption, self.full_note, self.styles, further)


@computed_once  # a figure's curves and its limits need the same
def curves(
    results: Results, value: str, *, scale: float = 100, completed: bool = False
) -> pd.DataFrame:
    """Return the mean over seeds of a column of `epochs` with its t interval, per cell and epoch.

    Of a method with several arms only one is in it (`analysis.drawing.arms.one_arm_each`).

    Args:
        results: the study.
        value: the column, or an SQL expression of columns.
        scale: factor on the estimates; 100 turns fractions into percent.
        completed: whether to leave out diverged or dead trials, unless there are no others.

    Returns:
        A row per cell and epoch: the fields in which cells differ, epoch, and the columns of
        `grouped`, in the unit of display.
    """
    outcomes = set(results.trials["outcome"])
    if completed and outcomes == {"completed"}:
        return curves(results, value, scale=scale)
    only_completed = completed and "completed" in outcomes
    rows = results.epochs.filter("outcome = 'completed'") if only_completed else results.epochs
    table = one_arm_each(results, grouped(rows, [*varying(results), "epoch"], value))
    scaled = [name for name in ESTIMATED if name != "n"]
    return table.assign(**(table[scaled] * scale))


def _curve(method: str, rows: pd.DataFrame) -> Curve:
    (end,) = from_table(rows.iloc[[-1]], scale=1)
    epochs, mean, *thin = (
        rows[name].to_numpy(float) for name in ("epoch", "mean", "thin") if name in rows
    )
    return Curve(method, epochs, mean, end, *thin)


def _draw_curve(axes: Axes, curve: Curve, style: Style) -> None:
    axes.plot(
        curve.epochs,
        curve.mean,
        style.line,
        color=style.colour,
        marker=style.marker,
        markevery=max(1, len(curve.epochs) // 10),
        ms=5.5,
        mew=0,
        lw=1.6,
    )
    if curve.thin.size:
        axes.plot(curve.epochs, curve.thin, style.line, color=style.colour, lw=0.8)


def _draw_ends(axes: Axes, panel: CurvePanel, summary: Curves) -> None:
    """Draw the means after the last epoch with their intervals, right of the curves."""
    first = min(float(curve.epochs[0]) for curve in panel.curves)
    last = max(float(curve.epochs[-1]) for curve in panel.curves)
    step = _APART * max(last - first, 1.0)
    for number, curve in enumerate(panel.curves):
        draw_mark(
            axes,
            curve.end,
            last + step * (number + 1.4),
            summary.styles[curve.method],
            upright=True,
            size=5.5,
        )
    axes.axvline(last + 0.6 * step, color=SOFT, lw=0.8)
    axes.set_xlim(first - 0.6 * step, last + step * (len(panel.curves) + 1))
    axes.set_xticks([tick for tick in _EPOCHS.tick_values(first, last) if first <= tick <= last])


def _make_logarithmic(axes: Axes, view: Limits) -> None:
    axes.set_yscale("log")
    axes.set_ylim(view)
    axes.yaxis.set_major_locator(LogLocator(10, (1, 2, 5) if view[1] < 300 * view[0] else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def top_view(rows: pd.DataFrame) -> Limits:
    """Return limits in percent that show the differences between the methods at the end.

    The rise in the first epochs is far larger than these. The view reaches from the highest value
    to the lowest final mean, and further down by the distance of the two, at least by two points.
    The wide bands of few seeds do not widen the view.

    Args:
        rows: rows of `curves`, in percent.
    """
    cells = [name for name in rows.columns if name not in ("epoch", *ESTIMATED)]
    last = rows.sort_values("epoch").groupby(cells, sort=False).tail(1)
    best, lowest = rows["mean"].max(), last["mean"].min()
    highest = max(best, min(rows["high"].max(), 100.0))
    below = max(best - lowest, 2.0)
    floor = max(rows[["mean", "low"]].min().min(), lowest - below)
    return floor, highest
