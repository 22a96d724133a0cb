"""Does a mask carry the function, or only how many connections each layer keeps?

A trained network is compared with itself after its final mask was permuted within each layer, after
its weights were redrawn under the mask, after both, and before training. Networks whose weights are
trained under the mask that another method has learned are separate trials.
"""

import re
from collections.abc import Sequence
from functools import partial

import pandas as pd

from analysis.cells import BASELINE, methods_in, sort, varying
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import chosen_arms, one_arm_each, other_fields
from analysis.drawing.categories import Measure, side, with_dense
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import Panel, panels, styles_of
from analysis.drawing.rows import RowPanel, Rows, RowSide
from analysis.drawing.sides import seeds_of
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import pair
from analysis.questions._finding import (
    Entry,
    Finding,
    difference,
    headings,
    level,
    percent,
    seed_count,
    table_rows,
)
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

ORDER = 71
QUESTION = "mask_controls"
TITLE = "The trained network with its mask or its weights exchanged"
CAPTION = (
    "Without further training: test accuracy of the trained network, and its accuracy with the "
    "mask permuted within each layer, with weights redrawn under the mask, with both, and before "
    "training. If only the number of connections that each layer keeps mattered, the permuted mask "
    "would do as well. Weights trained under the mask: test accuracy of weights trained under the "
    "mask that the method has learned, under this mask permuted, and under this mask from other "
    "weights."
)
TRAINED = "as trained"
#: The controls of a trained network, by the column of their accuracy.
MOVED = {
    "test_accuracy": TRAINED,
    "redrawn_accuracy": "weights redrawn",
    "permuted_accuracy": "mask permuted",
    "random_accuracy": "both exchanged",
    "untrained_accuracy": "before training",
}
#: The mask and the weights from which weights are retrained, by the method's parameter.
RETRAINED = {"": "its mask", "shuffled": "mask permuted", "redrawn": "weights redrawn"}
_RETRAINS = re.compile(r"^(?P<learner>.+)-weights(?:\((?P<how>shuffled|redrawn)\))?$")


@computed_once  # a figure and a section of the report need them
def moved(results: Results) -> pd.DataFrame:
    """Return the accuracy of each trained network and of its controls without further training.

    Returns:
        A row per trial with controls and per control: the fields in which cells differ, seed,
        outcome, classes; control, a value of `MOVED`; accuracy, a fraction; difference, that minus
        the accuracy as trained.
    """
    untrained = results.epochs.filter("epoch = 0")
    before = untrained.project("attempt, test_accuracy AS untrained_accuracy").df()
    known = results.trials["permuted_accuracy"].notna()
    rows = results.trials[known].merge(before, on="attempt", how="left")
    common = [*varying(results), "seed", "outcome", "classes"]
    parts = [
        rows[common].assign(
            control=control, accuracy=rows[name], difference=rows[name] - rows["test_accuracy"]
        )
        for name, control in MOVED.items()
    ]
    return pd.concat(parts, ignore_index=True)


@computed_once
def retrained(results: Results) -> pd.DataFrame:
    """Return the accuracy of weights trained under a mask that another method has learned.

    Returns:
        A row per such trial: the fields in which cells differ, seed, outcome, classes; `method`,
        the method that learned the mask; control, a value of `RETRAINED`; accuracy, a fraction;
        difference, that minus the accuracy under the unchanged mask, nan without that partner.
    """
    names = results.trials["method"].str.extract(_RETRAINS)
    rows = results.trials.assign(
        method=names["learner"],
        how=names["how"].fillna(""),
        accuracy=results.trials["test_accuracy"],
    )[names["learner"].notna()]
    pairs = pair(rows, rows[rows["how"] == ""], SETTABLE, "accuracy", unpaired=True)
    pairs = pairs.assign(control=pairs["how"].map(RETRAINED))
    columns = ["seed", "outcome", "classes", "control", "accuracy", "difference"]
    return pairs[[*varying(results), *columns]]


_ACROSS = "test accuracy (%)"
_MOVED = Measure("accuracy", "without further training", _ACROSS, of_dense=False)
_TRAINED = Measure("accuracy", "weights trained under the mask", _ACROSS, of_dense=False)


def summarise(results: Results) -> Rows:
    """Return the test accuracy in percent of trained networks and of their controls."""
    first, second = (one_arm_each(results, rows) for rows in (moved(results), retrained(results)))
    kinds = {"moved": first, "trained": second}
    known = {which: rows.dropna(subset="accuracy") for which, rows in kinds.items()}
    known = {which: rows for which, rows in known.items() if len(rows)}
    if not known:
        raise NothingToDraw("No trial's mask was tried permuted or on other weights.")
    styles = styles_of(results, pd.concat([first, second]))
    dense = results.trials[results.trials["method"] == BASELINE]
    drawn = tuple(
        RowPanel(
            panel.title,
            tuple(_side(results, which, panel.rows, list(styles), dense) for which in known),
        )
        for panel in _panels(results, known)
    )
    note = sentences(
        "Small points: one seed each.",
        seeds_of(drawn),
        f"Dashed: mean of {BASELINE}." if len(dense) and "trained" in known else "",
        diverged_or_dead(results.trials),
        chosen_arms(results),
    )
    return Rows(drawn, styles, note, in_legend=True)


def _panels(results: Results, known: dict[str, pd.DataFrame]) -> list[Panel]:
    """Return a panel per combination of fields; `which` says which side a row belongs to."""
    rows = pd.concat([part.assign(which=which) for which, part in known.items()])
    varied = [field for field in other_fields(results) if rows[field].nunique() > 1]
    return panels(results, rows, varied)


def _side(
    results: Results,
    which: str,
    rows: pd.DataFrame,
    methods: Sequence[str],
    dense: pd.DataFrame,
) -> RowSide:
    """Return one side of a panel, of which dense training is a line if weights are trained."""
    own = rows[rows["which"] == which]
    if which == "moved":
        names = {control: control for control in MOVED.values()}
        return side(own, "control", names, methods, _MOVED, (-1.0, 101.0), chance=True)
    names = {control: control for control in RETRAINED.values()}
    one = side(own, "control", names, methods, _TRAINED)
    mean = _dense_of(dense, rows, other_fields(results))["test_accuracy"].mean() * 100
    return one if pd.isna(mean) else with_dense(one, mean)


def _dense_of(dense: pd.DataFrame, rows: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    """Return the dense trials that belong to a panel."""
    for field in fields:
        if field in rows and rows[field].nunique() == 1:
            dense = dense[dense[field] == rows[field].iloc[0]]
    return dense


def find(results: Results) -> Finding | None:
    """Return the accuracy of the trained network with its mask or its weights exchanged."""
    by = varying(results)
    parts = [sort(results, part, by) for part in (moved(results), retrained(results))]
    first, second = (
        tuple(grouped(part, [*by, "control"], value) for value in ("accuracy", "difference"))
        for part in parts
    )
    values = pd.concat([first[0], second[0]])
    if not values["n"].any():
        return None
    methods = methods_in(results, values)
    texts = [text for method in methods for text in _sentences(method, first, second)]
    named = (("no further training", first), ("weights trained under the mask", second))
    classes = pd.concat([part["classes"] for part in parts]).dropna().unique()
    chance = f" Chance is {', '.join(f'{100 / n:.1f}' for n in classes)}%." if len(classes) else ""
    return Finding(
        tuple(texts),
        (*headings(by), "training", "exchanged", "test accuracy, %", "difference, points", "seeds"),
        tuple(row for words, tables in named for row in _rows(by, words, *tables)),
        "Differences are to the network as trained, or to weights trained under the unchanged "
        f"mask.{chance}",
    )


def _sentences(
    method: str, first: tuple[pd.DataFrame, ...], second: tuple[pd.DataFrame, ...]
) -> list[str]:
    """Return the sentences on one method.

    Args:
        method: the method.
        first: accuracies and their differences by control, without further training.
        second: the same of weights that were trained under the mask.
    """
    texts = []
    for words, (values, changes), names in (
        (f"{method}, as trained", first, MOVED),
        (f"Weights trained under the mask of {method}", second, RETRAINED),
    ):
        own, changed = (table[table["method"] == method] for table in (values, changes))
        if not own["n"].any():
            continue
        reference, *exchanged = names.values()
        others = [
            f"{control}: {difference(changed[changed['control'] == control])}"
            for control in exchanged
            if control in set(own["control"])
        ]
        unchanged = own[own["control"] == reference]
        reached = f"{words}: {level(unchanged)} test accuracy" if len(unchanged) else words
        texts.append(f"{reached}; {'; '.join(others)}." if others else f"{reached}.")
    return texts


def _rows(
    by: list[str], words: str, values: pd.DataFrame, changes: pd.DataFrame
) -> tuple[tuple[Entry, ...], ...]:
    known = values["n"] > 0
    return table_rows(
        by,
        ("training", "control"),
        (values[known].assign(training=words), percent),
        (changes[known], partial(percent, sign=True)),
        (values[known], seed_count),
    )
