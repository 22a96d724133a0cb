"""How much can be memorised? Training accuracy on given and on permuted labels."""

from analysis.cells import label
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
)
from analysis.drawing.lines import draw_lines, log_ticks
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.estimates.intervals import grouped
from analysis.estimates.one_factor import one_at_a_time
from analysis.estimates.question_groups import GIVEN, PERMUTED, labelled
from analysis.tables import Results

ORDER = 72
TITLE = "Training accuracy on given and on permuted labels"
#: The fields that memorising may depend on, with the labels of their axes.
_ACROSS = {
    "width": "width (factor on hidden layers, log scale)",
    "epochs": "training length (epochs, log scale)",
}


def draw(results: Results) -> Drawing:
    """Draw final training accuracy in percent against width, epochs, or both one at a time."""
    question = labelled(results)
    rows = question.rows.dropna(subset="value")
    if rows.empty:
        raise NothingToDraw("No trial was trained on permuted labels.")
    to_draw = [
        (axis, Panel(panel.title, along))
        for panel in panels(results, rows, [n for n in question.by if n not in _ACROSS])
        for axis, along in one_at_a_time(panel.rows, list(_ACROSS)) or [("epochs", panel.rows)]
    ]
    looks = methods_of(results, rows)
    figure, placed, left_out = side_by_side(
        [_named(axis, panel) for axis, panel in to_draw],
        3.0,
        Side(GIVEN, "", "training accuracy (%)"),
        Side(PERMUTED, "", "training accuracy (%)"),
        same_across=False,
        same_up=True,
    )
    counts: list[int] = []
    for (left, right, panel), (axis, _) in zip(placed, to_draw, strict=False):
        for axes, kind in ((left, GIVEN), (right, PERMUTED)):
            trials = panel.rows[panel.rows["kind"] == kind]
            means = grouped(trials, [axis, "method"], "value")
            draw_lines(axes, means, axis, looks)
            log_ticks(axes, sorted(set(panel.rows[axis])))
            axes.set(xlabel=_ACROSS[axis], ylim=(0, 103))
            for classes in trials["classes"].dropna().unique():
                axes.axhline(100 / classes, color="#333333", lw=1, ls=":")
            counts += means["n"].tolist()
    note = sentences(
        seeds(counts, "band"), "Dotted: chance.", diverged_or_dead(results.trials), left_out
    )
    finish(figure, TITLE, looks, note)
    caption = (
        "Accuracy on all training images after the last epoch. Left: given labels. Right: labels "
        "permuted among the images, which can only be memorised. Accuracy on given labels is "
        "evidence of learning as far as it exceeds what can be memorised in the same number of "
        "epochs."
    )
    return Drawing(figure, TITLE, caption, note)


def _named(axis: str, panel: Panel) -> Panel:
    """Return the panel with the value of the other field in its title, if it has a single one."""
    fixed: dict[str, object] = {
        name: panel.rows[name].iloc[0]
        for name in _ACROSS
        if name != axis and panel.rows[name].nunique() == 1
    }
    return Panel(", ".join(filter(None, [panel.title, label(fixed)])), panel.rows)
