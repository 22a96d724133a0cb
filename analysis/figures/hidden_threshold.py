"""Whether the start of the scores is a tuned threshold in disguise: accuracy off the defaults."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable

from analysis.cells import heading, ordered, settings
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    finish,
    lost,
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
TITLE = "Accuracy when what might hide a threshold is off its default"
_ACROSS = {
    "learning_rate": "learning rate (range of the scores fixed)",
    "score_offset": "share of scores that start at or below 0",
    "adam_epsilon": "Adam's epsilon",
    "penalty": "penalty",
}


@dataclass(frozen=True)
class _Map(Panel):
    """A heat map: the gains over a field (across) and another one (down)."""

    across: str
    down: str


def draw(results: Results) -> Drawing:
    """Draw, per field that was varied, the mean accuracy minus that at the default, in points."""
    trials = results.trials.dropna(subset="test_accuracy")
    maps = [one for field in HIDDEN for one in _maps(results, trials, field)]
    if not maps:
        raise NothingToDraw(
            "No threshold-free method is trained at, and off, the default of learning rate, score "
            "offset, Adam's epsilon or penalty."
        )
    tallest = max(one.rows[one.down].nunique() for one in maps)
    figure, placed, left_out = sheet(maps, 0.9 + 0.42 * tallest, "", "", same=False, same_up=False)
    shown = maps[: len(placed)]
    cells = pd.concat(one.rows for one in shown)
    colours = scale(cells["mean"] * 100)
    for (axes, _), one in zip(placed, shown, strict=True):
        _draw(axes, one, results, colours)
    bar = figure.colorbar(colours, ax=[axes for axes, _ in placed], extend="both", pad=0.02)
    bar.set_label("accuracy minus that\nat the default (points)")
    each = ", of the penalty at each width" if any(one.down == "width" for one in shown) else ""
    note = sentences(
        seeds(cells["n"], "±"),
        "Differences are paired by seed.",
        f"Framed: the default{each}; of the other fields that are drawn all are at theirs.",
        f"The study's margin is {results.margin:g} points." if results.margin else "",
        lost(results.trials),
        left_out,
    )
    finish(figure, TITLE, {}, note)
    caption = (
        "By how many points the test accuracy at the end is above (purple) or below (orange) that "
        "at the default setting. If these fields were a threshold in disguise, some value would do "
        "much better than the default. Scaling learning rate and range of the scores together "
        "changes nothing, so the rate stands for their ratio."
    )
    return Drawing(figure, TITLE, caption, note)


def _maps(results: Results, trials: pd.DataFrame, field: str) -> list[_Map]:
    """The heat maps of a field: a row per method, or where widths differ a map per method."""
    rows = sweep(trials, field)
    fixed = (field, "density", *HIDDEN)
    others = [n for n in settings(results) if n not in fixed and rows[n].nunique() > 1]
    down = "width" if field == "penalty" and "width" in others else "method"
    table = gains(rows, field, ["method", *others])
    by = [name for name in ("method", *others) if name != down]
    return [
        _Map(panel.title or heading(field), panel.rows, field, down)
        for panel in panels(results, table, by)
        if len(panel.rows)
    ]


def _draw(axes: Axes, one: _Map, results: Results, colours: ScalarMappable) -> None:
    present = {name: set(one.rows[name]) for name in (one.across, one.down)}
    across, down = (
        [value for value in ordered(results, name) if value in present[name]]
        for name in (one.across, one.down)
    )
    half = one.rows["high"] - one.rows["mean"]
    means, halves = (
        (
            one.rows.assign(value=values * 100).pivot(
                index=one.down, columns=one.across, values="value"
            )
        )
        .reindex(index=down, columns=across)
        .rename(index=_short, columns=_short)
        for values in (one.rows["mean"], half)
    )
    draw_heat(axes, means, halves, colours)
    outline(axes, across.index(FIELDS[one.across].default), len(down))
    axes.set_xlabel(_ACROSS[one.across])
    axes.set_ylabel("" if one.down == "method" else one.down)


def _short(value: object) -> str:
    """A number in few characters: 1.25e-4 for 0.000125; a name as it is."""
    if isinstance(value, str):
        return value
    text = f"{value:g}"
    if len(text) <= 6 and "e" not in text:
        return text
    digits, power = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(power)}"
