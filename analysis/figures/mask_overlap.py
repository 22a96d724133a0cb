"""How far two trainings on the same weights agree on what they change."""

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
from analysis.estimates import grouped
from analysis.estimates.overlaps import ALL, overlaps
from analysis.tables import Results

ORDER = 70
TITLE = "Overlap of what two masks change, corrected for chance"
#: In percent; further down no interval is followed.
_LOWEST = -30
#: Told apart with any of the common colour blindnesses.
_KINDS = {
    "rounding alone": Look("#777777", "D", "-"),
    "data order": Look("#0072B2", "s", "-"),
    "scores": Look("#D55E00", "o", "-"),
}


def draw(results: Results) -> Drawing:
    """Draw the overlap in percent per layer: by what the two differ in, and by pair of methods."""
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
    told = means.assign(
        mark=means["kind"].where(~two, means["methods"]),
        panel=means["methods"].where(~two, "methods against each other"),
    )
    figure, placed, left_out = sheet(
        [panel for one in panels(results, told, keys) for panel in _by_method(one)],
        3.1,
        "layer",
        "overlap beyond chance (%)",
        same=False,
    )
    low, high = limits(min(0.0, float(told[["mean", "low"]].min().min()) * 100), 100.0)
    for axes, panel in placed:
        _draw(axes, panel.rows, {n: marks[n] for n in marks if n in set(panel.rows["mark"])})
        axes.set_ylim(max(low, _LOWEST), high)
        axes.axvline(last - 0.5, color="#cccccc", lw=1)
    note = sentences(
        seeds(means["n"], "bar"),
        "Pairs of one weight seed are averaged first.",
        "Black line: chance.",
        "Grey lines: rounding alone." if "rounding alone" in marks else "",
        left_out,
    )
    finish(figure, TITLE, {name: look for name, look in marks.items() if name in _KINDS}, note)
    caption = (
        "Two trainings on the same weights that differ in one thing, and how far the connections "
        "that they prune or flip are the same ones: the Jaccard index of the two sets, 0 where it "
        "is what random masks of these sizes have in each layer, 100% where the sets are equal. "
        "The grey line is what rounding alone leaves of it: no two causes can be told apart above "
        "it, and what lies near it says nothing of scores, data order or method. Right of the "
        "line all layers together, chance within each."
    )
    return Drawing(figure, TITLE, caption, note)


def _by_method(setting: Panel) -> list[Panel]:
    """A panel per method of a setting, that of pairs of methods the last."""
    rows = setting.rows.sort_values("kind", key=lambda kinds: kinds == "method", kind="stable")
    return [
        Panel(", ".join(filter(None, [str(name), setting.title])), own)
        for name, own in rows.groupby("panel", sort=False)
    ]


def _draw(axes: Axes, rows: pd.DataFrame, marks: dict[str, Look]) -> None:
    """Draw the marks of one panel, chance, and per layer what rounding leaves."""
    draw_layers(axes, rows, marks, "mark")
    axes.axhline(0, color="black", lw=1)
    floor = rows[rows["mark"] == "rounding alone"]
    for layer, mean in zip(floor["layer"], floor["mean"] * 100, strict=True):
        axes.plot([layer - 0.42, layer + 0.42], [mean, mean], color="#777777", lw=1.2, zorder=0.9)
    if not marks.keys() & _KINDS.keys():  # pairs of methods: too many and too long for the top
        handles = [
            Line2D([], [], color=look.colour, marker=look.marker, ls="", label=name)
            for name, look in marks.items()
        ]
        axes.legend(handles=handles, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2))
