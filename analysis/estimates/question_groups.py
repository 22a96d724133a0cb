"""Kinds of trials: trials of a method that differ in their task or in what is trained.

Each function returns the trials of one question by kind, each with a `value`, an accuracy. There is
no row if a study does not have the trials that the question needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, panel_fields
from analysis.estimates.pairing import pair
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

GIVEN, PERMUTED = "given labels", "permuted labels"
SCRATCH, RANDOM = "from scratch", "random features"
CARRIED, CARRIED_ON = "carried over, output layer trained", "carried over, all trained on"
ALL, OUTPUT, NORM = "all layers", "output layer alone", "batch normalisation alone"
WITH_NORM, OUTPUT_NORM = "all layers and batch normalisation", "output layer, batch normalisation"
NOTHING = "nothing"
#: The method that trains neither weights nor connections.
FROZEN = "frozen"


@dataclass(frozen=True, eq=False)
class Kinds:
    """Trials by kind.

    Attributes:
        rows: a row per trial: the columns of `trials`; kind; value, an accuracy, a fraction;
            difference, that minus the value of the reference that is the same in all else.
        kinds: the kinds that occur, in the order of display.
        by: the fields that vary within a method, apart from those that make the kinds.
        reference: the kind that the others are compared with.
    """

    rows: pd.DataFrame
    kinds: tuple[str, ...]
    by: list[str]
    reference: str


@computed_once  # a figure and a section of the report need them
def labelled(results: Results) -> Kinds:
    """Return the accuracy on all training images after the last epoch: given, permuted labels."""
    trials = results.trials
    value = trials["train_full_accuracy"].fillna(trials["train_accuracy"])
    kind = trials["labels"].map({"given": GIVEN, "permuted": PERMUTED})
    return _kinds(results, kind, value, ("labels",), (GIVEN, PERMUTED), needs=(PERMUTED,))


@computed_once
def transferred(results: Results) -> Kinds:
    """Return the test accuracy on a second data set with and without training on a first one.

    Random features: only the output layer is trained, all other layers stay as drawn.
    """
    trials = results.trials
    source, output = trials["source"] != "", trials["trained_layers"] == "output"
    names = np.select(
        [source & output, source, output], [CARRIED, CARRIED_ON, RANDOM], default=SCRATCH
    )
    kind = pd.Series(names, trials.index)
    sources = trials[source].groupby("dataset")["source"].nunique()
    if (sources > 1).any():  # each source is a kind
        kind = kind.where(~source, kind + " (after " + trials["source"] + ")")
    apart, order = ("source", "trained_layers"), (SCRATCH, CARRIED_ON, CARRIED, RANDOM)
    return _kinds(results, kind, trials["test_accuracy"], apart, order, (CARRIED,))


@computed_once
def in_pieces(results: Results) -> Kinds:
    """Return the test accuracy of training batch normalisation or the output layer alone.

    Training batch normalisation alone changes no weights, so its reference is dense training.
    """
    trials = results.trials[results.trials["source"] == ""]
    frozen, affine = trials["method"] == FROZEN, trials["affine"]
    output = trials["trained_layers"] == "output"
    conditions = [frozen & affine, frozen, output & affine, output, affine]
    names = [NORM, NOTHING, OUTPUT_NORM, OUTPUT, WITH_NORM]
    kind = pd.Series(np.select(conditions, names, default=ALL), trials.index)
    apart, order = (
        ("trained_layers", "affine", "source"),
        (ALL, WITH_NORM, OUTPUT, OUTPUT_NORM, NORM, NOTHING),
    )
    return _kinds(results, kind, trials["test_accuracy"], apart, order, (OUTPUT, NORM))


def _kinds(
    results: Results,
    kind: pd.Series,
    value: pd.Series,
    apart: Sequence[str],
    order: tuple[str, ...],
    needs: tuple[str, ...],
) -> Kinds:
    """Return the trials by kind; no rows if the kinds that make the question are missing.

    Args:
        results: the study.
        kind: the kind of each trial that counts, indexed like the trials.
        value: the value of each such trial.
        apart: the fields in which the kinds differ.
        order: beginnings of the kinds' names in the order of display, the reference first.
        needs: beginnings of kinds' names; at least one such kind must occur.
    """
    rows = results.trials.loc[kind.index].assign(kind=kind, value=value)
    if not kind.str.startswith(needs).any():
        rows = rows.iloc[:0]
    rows = rows.assign(partner=rows["method"].where(rows["method"] != FROZEN, BASELINE))
    same = [name for name in SETTABLE if name not in (*apart, "method")]
    reference = rows[rows["kind"] == order[0]].assign(partner=lambda frame: frame["method"])
    rows = pair(rows, reference, [*same, "partner"], "value", unpaired=True)
    rows = rows.drop(columns=["partner", "value_of_partner"])
    by = [name for name in panel_fields(results) if name not in apart]
    return Kinds(rows, _sorted(set(rows["kind"]), order), by, order[0])


def _sorted(present: set[str], order: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds in order, each at the place of the longest beginning of its name."""
    place = {name: max((n for n in order if name.startswith(n)), key=len) for name in present}
    return tuple(sorted(present, key=lambda name: (order.index(place[name]), name)))
