"""Can it memorise? Training accuracy on labels dealt anew, beside that on the given ones."""

from analysis.cells import label
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    finish,
    lost,
    methods_of,
    panels,
    seeds,
    sentences,
)
from analysis.drawing.lines import draw_lines, log_ticks
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.estimates import grouped
from analysis.estimates.kinds import GIVEN, PERMUTED, labelled
from analysis.estimates.varied import one_at_a_time
from analysis.tables import Results

ORDER = 72
TITLE = "Training accuracy on given and on permuted labels"
#: What memorising may depend on, with the axis' name.
_ACROSS = {
    "width": "width (factor on hidden layers, log scale)",
    "epochs": "training length (epochs, log scale)",
}


def draw(results: Results) -> Drawing:
    """Draw final training accuracy in percent against width, epochs, or both one at a time."""
    found = labelled(results)
    rows = found.rows.dropna(subset="value")
    if rows.empty:
        raise NothingToDraw("No trial was trained on permuted labels.")
    told = [
        (axis, Panel(panel.title, own))
        for panel in panels(results, rows, [n for n in found.by if n not in _ACROSS])
        for axis, own in one_at_a_time(panel.rows, list(_ACROSS)) or [("epochs", panel.rows)]
    ]
    looks = methods_of(results, rows)
    figure, placed, left_out = side_by_side(
        [_named(axis, panel) for axis, panel in told],
        3.0,
        Side(GIVEN, "", "training accuracy (%)"),
        Side(PERMUTED, "", "training accuracy (%)"),
        same_across=False,
        same_up=True,
    )
    counts: list[int] = []
    for (left, right, panel), (axis, _) in zip(placed, told, strict=False):
        for axes, kind in ((left, GIVEN), (right, PERMUTED)):
            own = panel.rows[panel.rows["kind"] == kind]
            means = grouped(own, [axis, "method"], "value")
            draw_lines(axes, means, axis, looks)
            log_ticks(axes, sorted(set(panel.rows[axis])))
            axes.set(xlabel=_ACROSS[axis], ylim=(0, 103))
            for classes in own["classes"].dropna().unique():
                axes.axhline(100 / classes, color="#333333", lw=1, ls=":")
            counts += means["n"].tolist()
    note = sentences(seeds(counts, "band"), "Dotted: chance.", lost(results.trials), left_out)
    finish(figure, TITLE, looks, note)
    caption = (
        "Share of all training images whose label the network reproduces after the last epoch: the "
        "given labels, and labels dealt anew among the images, which can be learned by heart only. "
        "The higher on the right, the more can be memorised; training connections on given labels "
        "tells of learning as far as it lies above what they can memorise in the same time."
    )
    return Drawing(figure, TITLE, caption, note)


def _named(axis: str, panel: Panel) -> Panel:
    """The panel with what is fixed beside its axis in its title."""
    fixed: dict[str, object] = {
        name: panel.rows[name].iloc[0]
        for name in _ACROSS
        if name != axis and panel.rows[name].nunique() == 1
    }
    return Panel(", ".join(filter(None, [panel.title, label(fixed)])), panel.rows)
