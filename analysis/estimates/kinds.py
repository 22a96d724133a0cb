"""Trials of one method and setting that differ in what is asked of them: kinds, side by side.

Each function gives the trials of its question: as they are, and with a `value`, an accuracy. Where
a study does not ask the question there is no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, settings
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

GIVEN, PERMUTED = "given labels", "permuted labels"
SCRATCH, RANDOM = "from scratch", "random features"
CARRIED, CARRIED_ON = "carried over, output layer trained", "carried over, all trained on"
ALL, OUTPUT, NORM = "all layers", "output layer alone", "batch normalisation alone"
WITH_NORM, OUTPUT_NORM = "all layers and batch normalisation", "output layer, batch normalisation"
NOTHING = "nothing"
#: Trains neither weights nor connections.
FROZEN = "frozen"


@dataclass(frozen=True, eq=False)
class Kinds:
    """Trials by kind.

    Attributes:
        rows: a row per trial: the columns of `trials`; kind; value, an accuracy, a fraction;
            difference, that minus the value of the reference with the same method, setting and
            seed.
        kinds: the kinds that there are, in the order in which they are shown.
        by: the fields in which settings differ beside the kind.
        reference: the kind that the others are held against.
    """

    rows: pd.DataFrame
    kinds: tuple[str, ...]
    by: list[str]
    reference: str


@computed_once  # a figure and a section of the report ask for each
def labelled(results: Results) -> Kinds:
    """Accuracy on all training images after the last epoch: labels as given, and dealt anew."""
    trials = results.trials
    value = trials["train_full_accuracy"].fillna(trials["train_accuracy"])
    kind = trials["labels"].map({"given": GIVEN, "permuted": PERMUTED})
    return _kinds(results, kind, value, ("labels",), (GIVEN, PERMUTED), needs=(PERMUTED,))


@computed_once
def transferred(results: Results) -> Kinds:
    """Test accuracy on the second data set of what was trained on a first one, and beside it not.

    Random features: the output layer is trained on layers as they are drawn.
    """
    trials = results.trials
    source, output = trials["source"] != "", trials["trained_layers"] == "output"
    names = np.select(
        [source & output, source, output], [CARRIED, CARRIED_ON, RANDOM], default=SCRATCH
    )
    kind = pd.Series(names, trials.index)
    sources = trials[source].groupby("dataset")["source"].nunique()
    if (sources > 1).any():  # which one it was decides
        kind = kind.where(~source, kind + " (after " + trials["source"] + ")")
    apart, order = ("source", "trained_layers"), (SCRATCH, CARRIED_ON, CARRIED, RANDOM)
    return _kinds(results, kind, trials["test_accuracy"], apart, order, (CARRIED,))


@computed_once
def in_pieces(results: Results) -> Kinds:
    """Test accuracy with a piece of the network trained: batch normalisation, the output layer.

    Batch normalisation alone trains nothing else, so that its reference is dense training.
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
    """The trials by kind, if there is a trial of those that make the question.

    Args:
        results: the study.
        kind: of each trial that counts, on its index.
        value: likewise.
        apart: the fields that the kinds differ in.
        order: how the kinds begin, the reference first.
        needs: how kinds begin of which there has to be one.
    """
    rows = results.trials.loc[kind.index].assign(kind=kind, value=value)
    if not kind.str.startswith(needs).any():
        rows = rows.iloc[:0]
    rows = rows.assign(partner=rows["method"].where(rows["method"] != FROZEN, BASELINE))
    same = [name for name in SETTABLE if name not in (*apart, "method")]
    reference = rows.loc[rows["kind"] == order[0], [*same, "method", "value"]]
    reference = reference.rename(columns={"method": "partner", "value": "of_reference"})
    rows = rows.merge(reference, on=[*same, "partner"], how="left", validate="many_to_one")
    rows = rows.assign(difference=rows["value"] - rows["of_reference"])
    rows = rows.drop(columns=["partner", "of_reference"])
    by = [name for name in settings(results) if name not in apart]
    return Kinds(rows, _sorted(set(rows["kind"]), order), by, order[0])


def _sorted(present: set[str], order: Sequence[str]) -> tuple[str, ...]:
    """The kinds that there are in their order, each placed by the longest of its beginnings."""
    place = {name: max((n for n in order if name.startswith(n)), key=len) for name in present}
    return tuple(sorted(present, key=lambda name: (order.index(place[name]), name)))
