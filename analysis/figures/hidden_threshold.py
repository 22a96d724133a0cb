"""Whether the start of the scores is a tuned threshold in disguise: accuracy off the defaults."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.cells import heading, ordered, panel_fields, tuned_fields
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.heat import HeatMap, draw_heat, draw_scale, scale
from analysis.drawing.layout import finish, left_out, panel_grid
from analysis.drawing.notes import diverged_or_dead, seeds, sentences
from analysis.drawing.panels import MOST_PANELS, panels
from analysis.drawing.sweeps import AXES
from analysis.estimates.defaults import HIDDEN, gains, sweep
from analysis.tables import Results
from studies.trial import FIELDS

ORDER = 9
QUESTION = "density"
TITLE = "Accuracy off the defaults of fields that might hide a threshold"
CAPTION = (
    "Test accuracy after the last epoch minus that at the default: purple is better, orange worse. "
    "If one of these fields were a tuned threshold in disguise, some value would do much better "
    "than the default. Scaling the learning rate and the score range together changes nothing, so "
    "the rate stands for their ratio."
)
#: Maps with up to this many columns stand three in a row, and with up to this many two.
_NARROW, _WIDE = 3, 6
_ACROSS = AXES | {"learning_rate": "learning rate (score range fixed)"}


@dataclass(frozen=True)
class HeatMaps:
    """What the figure shows: its maps and the sentences below them."""

    maps: tuple[HeatMap, ...]
    note: str


def summarise(results: Results) -> HeatMaps:
    """Return, per varied field, the mean accuracy minus that at the default, in points."""
    every = [one for field in HIDDEN for one in _maps(results, field)]
    if not every:
        raise NothingToDraw(
            "No threshold-free method is trained both at and off the default of learning rate, "
            "score offset, Adam's epsilon or penalty."
        )
    shown = every[:MOST_PANELS]
    maps = tuple(one.map for one in shown)
    trials = pd.concat([one.trials for one in shown])
    by_width = any(one.down == "width" for one in maps)
    note = sentences(
        seeds((n for one in shown for n in one.seeds), "in brackets"),
        "Differences are paired by seed.",
        "Fields that are tuned: on the tuning seeds." if any(one.tuned for one in shown) else "",
        f"Framed: the default{' (for the penalty, at each width)' if by_width else ''}. All other "
        "fields that are drawn are at their defaults.",
        f"The study's margin is {results.margin:g} points." if results.margin else "",
        diverged_or_dead(trials.drop_duplicates("trial_id")),
        left_out(len(every)),
    )
    return HeatMaps(maps, note)


@dataclass(frozen=True)
class _Map:
    """A map, and what the note needs of it.

    Attributes:
        map: what is drawn.
        seeds: of each of its cells.
        tuned: whether its field is tuned.
        trials: of what it shows.
    """

    map: HeatMap
    seeds: tuple[int, ...]
    tuned: bool
    trials: pd.DataFrame


def _maps(results: Results, field: str) -> list[_Map]:
    """Return the maps of a field.

    There is one with a row per method, or one per method over widths. The values of a field that is
    tuned are compared on the tuning seeds: a fresh seed has only the one that was chosen for it.
    """
    tuned = field in tuned_fields(results)
    trials = results.tuning if tuned else results.trials
    drawable = sweep(trials, field)
    rows = drawable.dropna(subset="test_accuracy")
    if rows.empty:
        return []
    fields = panel_fields(results, without=(field, "density", *HIDDEN))
    others = [name for name in fields if rows[name].nunique() > 1]
    down = "width" if field == "penalty" and "width" in others else "method"
    table = gains(rows, field, ["method", *others])
    by = [name for name in ("method", *others) if name != down]
    return [
        _Map(
            _map(results, panel.title, panel.rows, field, down),
            tuple(panel.rows["n"]),
            tuned,
            drawable.merge(panel.rows[["method", *others]].drop_duplicates()),
        )
        for panel in panels(results, table, by)
        if len(panel.rows)
    ]


def _map(results: Results, title: str, rows: pd.DataFrame, across: str, down: str) -> HeatMap:
    columns, lines = (
        [value for value in ordered(results, name) if value in set(rows[name])]
        for name in (across, down)
    )
    means, low, high = (
        rows.pivot(index=down, columns=across, values=name)
        .reindex(index=lines, columns=columns)
        .to_numpy(float)
        * 100
        for name in ("mean", "low", "high")
    )
    return HeatMap(
        title or heading(across),
        _ACROSS.get(across, heading(across)),
        "" if down == "method" else down,
        tuple(map(_short, columns)),
        tuple(map(_short, lines)),
        means,
        low,
        high,
        columns.index(FIELDS[across].default),
    )


def _short(value: Hashable) -> str:
    """Return a number in few characters, such as 1.25e-4 for 0.000125; a name unchanged."""
    if isinstance(value, str):
        return value
    text = f"{value:g}"
    if len(text) <= 6 and "e" not in text:
        return text
    digits, power = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def draw(summary: HeatMaps) -> Drawing:
    """Draw the maps with one scale of colours."""
    tallest = max(len(one.rows) for one in summary.maps)
    titles = [one.title for one in summary.maps]
    widest = max(len(one.columns) for one in summary.maps)
    figure, grid = panel_grid(
        titles,
        0.9 + 0.42 * tallest,
        columns=min(len(titles), 3 if widest <= _NARROW else 2 if widest <= _WIDE else 1),
        shared="none",
    )
    colours = scale(np.concatenate([one.means.ravel() for one in summary.maps]))
    for (axes,), one in zip(grid, summary.maps, strict=True):
        draw_heat(axes, one, colours)
    draw_scale(figure, list(grid.ravel()), colours, "accuracy minus that\nat the default (points)")
    return finish(figure, TITLE, CAPTION, summary.note, {})
