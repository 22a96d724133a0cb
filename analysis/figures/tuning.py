"""Validation accuracy against the number of trainings spent on tuning."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.cells import heading, panel_fields, vary_within
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.layout import finish, left_out, panel_grid
from analysis.drawing.limits import Limits, padded
from analysis.drawing.notes import sentences
from analysis.drawing.panels import panels, styles_of
from analysis.drawing.style import PAPER, Style
from analysis.estimates.tuning import TUNED, arms
from analysis.numbers import extent
from analysis.tables import Results

ORDER = 12
QUESTION = "density"
TITLE = "Gain and cost of tuning"
CAPTION = (
    "Expected best validation accuracy after a number of trainings, if a method's configurations "
    "are tried in random order, each on all tuning seeds. Methods without anything to tune have a "
    "single mark. The axis of accuracy does not start at zero."
)

#: The view reaches at least this far below the method that ends lowest, in points.
_BELOW = 2.0


@dataclass(frozen=True)
class Gain:
    """The gain of tuning a method.

    Attributes:
        method: the method.
        trainings: the trainings spent, ascending.
        best: the expected best validation accuracy after them, in percent.
    """

    method: str
    trainings: tuple[float, ...]
    best: tuple[float, ...]


@dataclass(frozen=True)
class Tuning:
    """What the figure shows.

    Attributes:
        panels: the title and the methods of each panel.
        styles: the methods with their styles.
        furthest: the most trainings spent.
        view: limits of the vertical axis.
        note: the sentences below the panels.
    """

    panels: tuple[tuple[str, tuple[Gain, ...]], ...]
    styles: Mapping[str, Style] = field(repr=False)
    furthest: float
    view: Limits
    note: str


def summarise(results: Results) -> Tuning:
    """Return the expected best validation accuracy in percent against the trainings spent."""
    tuning = results.tuning
    by = panel_fields(results, without=TUNED)
    table = arms(tuning, ["method", *by])
    if not (table["configurations"] > 1).any():
        raise NothingToDraw("No method was trained with several configurations on tuning seeds.")
    styles = styles_of(results, table)
    drawn = tuple((panel.title, _gains(panel.rows, styles)) for panel in panels(results, table, by))
    limits = _view(drawn)
    note = sentences(
        _seeds(table),
        f"Tuned: {', '.join(map(heading, vary_within(tuning, TUNED)))}.",
        "Exact expectation over all orders in which configurations may be tried; no interval. A "
        "mark with a thin line: one configuration, nothing to tune (marks of equal cost are "
        "shifted sideways). The best is chosen and shown on the same validation images and seeds, "
        "which favours methods with more configurations: this is what a practitioner sees, not a "
        "result.",
        _cut_off(drawn, limits),
        left_out(len(drawn)),
    )
    return Tuning(drawn, styles, float(table["trainings"].max()), limits, note)


def _gains(rows: pd.DataFrame, styles: Mapping[str, Style]) -> tuple[Gain, ...]:
    of_method = ((method, rows[rows["method"] == method]) for method in styles)
    return tuple(
        Gain(method, tuple(own["trainings"]), tuple(own["best"] * 100))
        for method, own in of_method
        if len(own)
    )


def _view(drawn: Iterable[tuple[str, Sequence[Gain]]]) -> Limits:
    """Return limits in percent that show where every method ends, and what comes near to it.

    One rate at which training fails would leave no room for the differences that tuning makes.
    """
    every = [gain.best for _, gains in drawn for gain in gains]
    lowest = max(min(map(min, every)), min(best[-1] for best in every) - _BELOW)
    return padded(lowest, max(map(max, every)))


def _cut_off(drawn: Iterable[tuple[str, Sequence[Gain]]], limits: Limits) -> str:
    """Return in words which methods have a part below the axis."""
    below = {gain.method: None for _, gains in drawn for gain in gains if gain.best[0] < limits[0]}
    return f"Begins below the axis: {', '.join(below)}." if below else ""


def draw(summary: Tuning) -> Drawing:
    """Draw a line per method, or a mark for one with a single configuration."""
    titles = [title for title, _ in summary.panels]
    figure, grid = panel_grid(titles, 3.5, up="expected best validation accuracy (%)")
    for (_, gains), (axes,) in zip(summary.panels, grid, strict=False):
        _draw(axes, gains, summary)
        axes.set(xlim=(0, 1.04 * summary.furthest), ylim=summary.view, xlabel="trainings spent")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return finish(figure, TITLE, CAPTION, summary.note, summary.styles)


def _draw(axes: Axes, gains: tuple[Gain, ...], summary: Tuning) -> None:
    marks_at: Counter[float] = Counter()
    for gain in gains:
        style, across, single = summary.styles[gain.method], gain.trainings, len(gain.best) == 1
        if single:
            axes.axhline(gain.best[0], color=style.colour, ls=style.line, lw=0.8, alpha=0.7)
            # So that no mark hides another.
            across = (across[0] + 0.025 * summary.furthest * marks_at[across[0]],)
            marks_at[gain.trainings[0]] += 1
        axes.plot(
            across,
            gain.best,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            ms=8 if single else 6,
            mec=PAPER,
            mew=0.8,
            lw=1.6,
        )


def _seeds(table: pd.DataFrame) -> str:
    n = extent([*table["fewest"], *table["most"]], "tuning seed")
    return f"Mean over n = {n} per configuration."
