"""How many connections can still affect the output, per layer and against what a study varies."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.cells import BASELINE, label, panel_fields, sort
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    seeds,
    sentences,
)
from analysis.drawing.layers import draw_layers
from analysis.drawing.lines import draw_lines, log_ticks
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.estimates.one_factor import one_at_a_time
from analysis.estimates.sizes import VARIED, sizes, sizes_per_layer
from analysis.tables import Results

ORDER = 75
TITLE = "Effective size: connections that can affect the output"
#: The rows of panels: a measure and the label of its axis.
_UP = {
    "connected_share": "connected (% of all)",
    "live_share": "live (% of all)",
    "live_changed_share": "changed (% of live)",
}
_ACROSS = {
    "width": "width (log scale)",
    "epochs": "epochs (log scale)",
    "score_offset": "fraction of scores that start at or below 0",
}
#: Width and height of a panel, in inches.
_WIDE, _TALL = 3.6, 2.3


def draw(results: Results) -> Drawing:
    """Draw the fractions of connected, of live and of changed live connections in percent."""
    trials = sizes(results)
    if trials.empty:
        raise NothingToDraw("No trial has recorded its connected and live connections.")
    others = [name for name in panel_fields(results) if name not in VARIED]
    rows, left_out = _first(results, trials, others)
    axes_of = one_at_a_time(rows, VARIED)
    layered = sizes_per_layer(results)
    place = _reference(rows, axes_of)
    layered = layered[layered["attempt"].isin(place["attempt"])]
    looks = methods_of(results, rows)
    shown = {measure: _shown(measure, looks) for measure in _UP}
    measures = [measure for measure in _UP if shown[measure]]
    columns = 1 + len(axes_of)
    size = (max(_WIDE * columns, 7.0), _TALL * len(measures))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(measures), columns, squeeze=False, sharex="col", sharey="row")
    counts: list[int] = []
    for measure, line in zip(measures, grid, strict=True):
        line[0].set_ylabel(_UP[measure])
        counts += _draw_row(line, measure, layered, axes_of, shown[measure])
    varied = [axis for axis, _ in axes_of]
    grid[0][0].set_title(_fixed("per layer", place, varied))
    grid[-1][0].set_xlabel("layer")
    for top, bottom, (axis, along) in zip(grid[0][1:], grid[-1][1:], axes_of, strict=True):
        top.set_title(_fixed("all layers", along, varied))
        bottom.set_xlabel(_ACROSS[axis])
    note = sentences(seeds(counts, "bar or band"), left_out, diverged_or_dead(results.trials))
    finish(figure, TITLE, looks, note)
    caption = (
        "After the last epoch. Top: connected, kept or flipped connections on a path of such "
        "connections from a pixel to a class, so without dead units and paths. Middle: live, "
        "connections that can move the output for some training image. Bottom: the fraction of "
        "live connections that are pruned or flipped. If these fractions depend on where the "
        "scores start or on the length of training, they are not a property of the task alone."
    )
    return Drawing(figure, TITLE, caption, note)


def _first(results: Results, rows: pd.DataFrame, others: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Return the rows at the values of the other fields with the most methods, and a note."""
    if not others:
        return rows, ""
    groups = list(sort(results, rows, others).groupby(list(others), sort=False))
    key, first = max(groups, key=lambda group: group[1]["method"].nunique())
    if len(groups) == 1:
        return first, ""
    name = label(dict(zip(others, key, strict=True)))
    return first, f"Shown: {name}, one of {len(groups)} combinations; the report's table has all."


def _reference(rows: pd.DataFrame, axes_of: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return the rows at the values of the varied fields that most of the lines share."""
    along = pd.concat([rows, *(line for _, line in axes_of)])
    counts = along.groupby(list(VARIED), sort=False)["attempt"].transform("size")
    shared = along.iloc[int(counts.to_numpy().argmax())]
    return rows[(rows[list(VARIED)] == shared[list(VARIED)]).all(axis=1)]


def _fixed(name: str, rows: pd.DataFrame, varied: Sequence[str]) -> str:
    """Return a panel's title: its name and the values of the varied fields that it holds fixed."""
    fixed: dict[str, object] = {n: rows[n].iloc[0] for n in varied if rows[n].nunique() == 1}
    return "\n".join(filter(None, [name, label(fixed)]))


def _shown(measure: str, looks: dict[str, Look]) -> dict[str, Look]:
    """Return the methods that have the measure: dense training changes no connection."""
    changed = measure == "live_changed_share"
    return {name: look for name, look in looks.items() if not (changed and name == BASELINE)}


def _draw_row(
    line: Sequence[Axes],
    measure: str,
    layered: pd.DataFrame,
    axes_of: Sequence[tuple[str, pd.DataFrame]],
    shown: dict[str, Look],
) -> list[int]:
    """Draw one measure per layer, then against each axis; return the numbers of seeds."""
    per_layer = grouped(layered, ["layer", "layer_name", "method"], measure)
    draw_layers(line[0], per_layer, shown, "method")
    tables = [per_layer]
    for axes, (axis, along) in zip(line[1:], axes_of, strict=True):
        means = grouped(along, [axis, "method"], measure)
        draw_lines(axes, means, axis, shown)
        if axis != "score_offset":
            log_ticks(axes, sorted(set(along[axis])))
        tables.append(means)
    means = pd.concat(tables)
    means = means[means["method"].isin(shown)]
    low, high = limits(0, min(float(means[["mean", "high"]].max().max()) * 100, 100.0))
    line[0].set_ylim(low, high)
    return [int(n) for n in means["n"]]
