"""Whether the start of the scores is a tuned threshold in disguise: accuracy off the defaults."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from analysis.cells import heading, ordered, panel_fields
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    diverged_or_dead,
    finish,
    panels,
    seeds,
    sentences,
    sheet,
)
from analysis.drawing.heat import draw_heat, outline, scale
from analysis.estimates.defaults import HIDDEN, gains, sweep
from analysis.tables import Results
from studies.trial import FIELDS

ORDER = 9
TITLE = "Accuracy off the defaults of fields that might hide a threshold"
_ACROSS = {
    "learning_rate": "learning rate (score range fixed)",
    "score_offset": "fraction of scores that start at or below 0",
    "adam_epsilon": "Adam's epsilon",
    "penalty": "penalty",
}


@dataclass(frozen=True)
class _Map(Panel):
    """A heat map: the gains by one field (across) and another field (down)."""

    across: str
    down: str


def draw(results: Results) -> Drawing:
    """Draw, per varied field, the mean accuracy minus that at the default, in points."""
    trials = results.trials.dropna(subset="test_accuracy")
    maps = [heat_map for field in HIDDEN for heat_map in _maps(results, trials, field)]
    if not maps:
        raise NothingToDraw(
            "No threshold-free method is trained both at and off the default of learning rate, "
            "score offset, Adam's epsilon or penalty."
        )
    tallest = max(heat_map.rows[heat_map.down].nunique() for heat_map in maps)
    figure, placed, left_out = sheet(maps, 0.9 + 0.42 * tallest, "", "", same=False, same_up=False)
    shown = maps[: len(placed)]
    cells = pd.concat(heat_map.rows for heat_map in shown)
    colours = scale(cells["mean"] * 100)
    for (axes, _), heat_map in zip(placed, shown, strict=True):
        _draw(axes, heat_map, results, colours)
    bar = figure.colorbar(colours, ax=[axes for axes, _ in placed], extend="both", pad=0.02)
    bar.set_label("accuracy minus that\nat the default (points)")
    by_width = any(heat_map.down == "width" for heat_map in shown)
    note = sentences(
        seeds(cells["n"], "±"),
        "Differences are paired by seed.",
        f"Framed: the default{' (for the penalty, at each width)' if by_width else ''}. All other "
        "fields that are drawn are at their defaults.",
        f"The study's margin is {results.margin:g} points." if results.margin else "",
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, {}, note)
    caption = (
        "Test accuracy after the last epoch minus that at the default: purple is better, orange "
        "worse. If one of these fields were a tuned threshold in disguise, some value would do "
        "much better than the default. Scaling the learning rate and the score range together "
        "changes nothing, so the rate stands for their ratio."
    )
    return Drawing(figure, TITLE, caption, note)


def _maps(results: Results, trials: pd.DataFrame, field: str) -> list[_Map]:
    """Return the heat maps of a field: one with a row per method, or one per method over widths."""
    rows = sweep(trials, field)
    fixed = (field, "density", *HIDDEN)
    others = [n for n in panel_fields(results) if n not in fixed and rows[n].nunique() > 1]
    down = "width" if field == "penalty" and "width" in others else "method"
    table = gains(rows, field, ["method", *others])
    by = [name for name in ("method", *others) if name != down]
    return [
        _Map(panel.title or heading(field), panel.rows, field, down)
        for panel in panels(results, table, by)
        if len(panel.rows)
    ]


def _draw(axes: Axes, heat_map: _Map, results: Results, colours: ScalarMappable) -> None:
    rows, names = heat_map.rows, (heat_map.across, heat_map.down)
    across, down = (
        [value for value in ordered(results, name) if value in set(rows[name])] for name in names
    )
    means, halves = (
        rows.assign(value=values * 100)
        .pivot(index=heat_map.down, columns=heat_map.across, values="value")
        .reindex(index=down, columns=across)
        .rename(index=_short, columns=_short)
        for values in (rows["mean"], rows["high"] - rows["mean"])
    )
    draw_heat(axes, means, halves, colours)
    outline(axes, across.index(FIELDS[heat_map.across].default), len(down))
    axes.set_xlabel(_ACROSS[heat_map.across])
    axes.set_ylabel("" if heat_map.down == "method" else heat_map.down)


def _short(value: object) -> str:
    """Return a number in few characters, such as 1.25e-4 for 0.000125; a name unchanged."""
    if isinstance(value, str):
        return value
    text = f"{value:g}"
    if len(text) <= 6 and "e" not in text:
        return text
    digits, power = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(power)}"
