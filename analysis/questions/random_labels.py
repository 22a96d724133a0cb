"""How much can be memorised? Training accuracy on given and on permuted labels."""

import pandas as pd

from analysis.cells import label
from analysis.drawing.limits import Limits
from analysis.drawing.lines import LinePanel, Lines, LineSide, lines_over, ticks
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import Panel, panels, styles_of
from analysis.drawing.sides import seeds_of
from analysis.drawing.sweeps import AXES
from analysis.estimates.intervals import grouped
from analysis.estimates.one_factor import one_at_a_time
from analysis.questions._finding import Finding
from analysis.questions._kinds import Kinds, finding_of_kinds, kinds_of, known_rows
from analysis.tables import Results, computed_once

ORDER = 72
QUESTION = "memorised"
TITLE = "Training accuracy on given and on permuted labels"
CAPTION = (
    "Accuracy on all training images after the last epoch. Left: given labels. Right: labels "
    "permuted among the images, which can only be memorised. Accuracy on given labels is evidence "
    "of learning as far as it exceeds what can be memorised in the same number of epochs. The "
    "values of the horizontal axis are equally spaced."
)
GIVEN, PERMUTED = "given labels", "permuted labels"
#: The fields that memorising may depend on.
_VARIED = ("width", "epochs")
_VIEW: Limits = (0.0, 103.0)


@computed_once  # the figure and the sentences need them
def labelled(results: Results) -> Kinds:
    """Return the accuracy on all training images after the last epoch: given, permuted labels."""
    trials = results.trials
    value = trials["train_full_accuracy"].fillna(trials["train_accuracy"])
    kind = trials["labels"].map({"given": GIVEN, "permuted": PERMUTED})
    return kinds_of(results, kind, value, ("labels",), (GIVEN, PERMUTED), needs=(PERMUTED,))


def summarise(results: Results) -> Lines:
    """Return final training accuracy in percent against width, epochs, or both one at a time."""
    question = labelled(results)
    rows = known_rows(question, "No trial was trained on permuted labels.")
    styles = styles_of(results, rows)
    places = panels(results, rows, [name for name in question.by if name not in _VARIED])
    kinds = [kind for kind in (GIVEN, PERMUTED) if kind in set(rows["kind"])]
    drawn = tuple(
        _panel(panel, along, axis, kinds, list(styles))
        for panel in places
        for axis, along in one_at_a_time(panel.rows, _VARIED) or [("epochs", panel.rows)]
    )
    note = sentences(seeds_of(drawn), diverged_or_dead(results.trials))
    return Lines(drawn, styles, note, height=3.0)


def _panel(
    panel: Panel, rows: pd.DataFrame, axis: str, kinds: list[str], methods: list[str]
) -> LinePanel:
    """Return a panel with a side for each kind of labels."""
    fixed: dict[str, object] = {
        name: rows[name].iloc[0] for name in _VARIED if name != axis and rows[name].nunique() == 1
    }
    sides = []
    for kind in kinds:
        trials = rows[rows["kind"] == kind]
        lines = lines_over(grouped(trials, [axis, "method"], "value"), axis, methods)
        chance = tuple((100 / float(n), "chance") for n in trials["classes"].dropna().unique())
        sides.append(LineSide(kind, "training accuracy (%)", _VIEW, lines, guides=chance))
    title = ", ".join(filter(None, [panel.title, label(fixed)]))
    return LinePanel(title, tuple(sides), AXES[axis], ticks(rows[axis]))


def find(results: Results) -> Finding | None:
    """Compare training accuracy on permuted labels with given labels and with dense training."""
    return finding_of_kinds(
        results,
        labelled(results),
        value="training accuracy",
        against_dense=(PERMUTED,),
        note="Accuracy on all training images after the last epoch. Permuted labels are shuffled "
        "among the images, so they can only be memorised.",
    )
