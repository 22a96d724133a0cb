"""How far two trainings on the same weights change the same connections."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.cells import varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    finish,
    limits,
    panels,
    seeds,
    sentences,
    sheet,
)
from analysis.drawing.layers import draw_layers
from analysis.drawing.style import Look, looks
from analysis.estimates.intervals import grouped
from analysis.estimates.overlaps import ALL, overlaps
from analysis.tables import Results

ORDER = 70
TITLE = "Overlap of what two masks change, corrected for chance"
#: The view does not reach lower, in percent, even if intervals do.
_LOWEST = -30
#: Their colours are distinct with any of the common colour blindnesses.
_KINDS = {
    "rounding alone": Look("#777777", "D", "-"),
    "data order": Look("#0072B2", "s", "-"),
    "scores": Look("#D55E00", "o", "-"),
}


def draw(results: Results) -> Drawing:
    """Draw the overlap in percent per layer, by what the two trainings differ in."""
    table = overlaps(results)
    if table["overlap"].notna().sum() == 0:
        raise NothingToDraw("No two masks of the same weights are kept.")
    keys = [name for name in varying(results) if name in table]
    by = [*keys, "kind", "methods", "layer", "layer_name"]
    means = grouped(table, by, "overlap")
    last = means["layer"].max() + 1
    means = means.assign(layer=means["layer"].where(means["layer"] != ALL, last))
    pairs = looks([m for m in means["methods"].unique() if "," in m])
    marks = {name: look for name, look in _KINDS.items() if name in set(means["kind"])} | pairs
    two = means["kind"] == "method"
    marked = means.assign(
        mark=means["kind"].where(~two, means["methods"]),
        panel=means["methods"].where(~two, "methods compared with each other"),
    )
    figure, placed, left_out = sheet(
        [panel for place in panels(results, marked, keys) for panel in _by_method(place)],
        3.1,
        "layer",
        "overlap beyond chance (%)",
        same=False,
    )
    low, high = limits(min(0.0, float(means[["mean", "low"]].min().min()) * 100), 100.0)
    for axes, panel in placed:
        _draw(axes, panel.rows, {n: marks[n] for n in marks if n in set(panel.rows["mark"])})
        axes.set_ylim(max(low, _LOWEST), high)
        axes.axvline(last - 0.5, color="#cccccc", lw=1)
    note = sentences(
        seeds(means["n"], "bar"),
        "Pairs with the same weight seed are averaged first.",
        "Black line: chance.",
        "Grey lines: rounding alone." if "rounding alone" in marks else "",
        left_out,
    )
    finish(figure, TITLE, {name: look for name, look in marks.items() if name in _KINDS}, note)
    caption = (
        "How far two trainings on the same weights that differ in one thing prune or flip the same "
        "connections: the Jaccard index of the two sets, corrected for chance. 0%: as expected of "
        "random masks of the same sizes in each layer. 100%: the same connections. Grey lines: the "
        "overlap of trainings that differ in rounding alone; an overlap near the grey line shows "
        "no effect of scores, data order or method. Right of the vertical line: all layers "
        "together, with chance computed within each layer."
    )
    return Drawing(figure, TITLE, caption, note)


def _by_method(panel: Panel) -> list[Panel]:
    """Split a panel by method; the panel of pairs of methods comes last."""
    rows = panel.rows.sort_values("kind", key=lambda kinds: kinds == "method", kind="stable")
    return [
        Panel(", ".join(filter(None, [str(name), panel.title])), part)
        for name, part in rows.groupby("panel", sort=False)
    ]


def _draw(axes: Axes, rows: pd.DataFrame, marks: dict[str, Look]) -> None:
    """Draw the marks of a panel, chance, and per layer the overlap with rounding alone."""
    draw_layers(axes, rows, marks, "mark")
    axes.axhline(0, color="black", lw=1)
    rounding = rows[rows["mark"] == "rounding alone"]
    for layer, mean in zip(rounding["layer"], rounding["mean"] * 100, strict=True):
        axes.plot([layer - 0.42, layer + 0.42], [mean, mean], color="#777777", lw=1.2, zorder=0.9)
    if not marks.keys() & _KINDS.keys():  # pairs of methods are too many for the figure's legend
        handles = [
            Line2D([], [], color=look.colour, marker=look.marker, ls="", label=name)
            for name, look in marks.items()
        ]
        axes.legend(handles=handles, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2))
