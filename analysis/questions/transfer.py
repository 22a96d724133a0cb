"""Does what is learned on one data set carry over to another?"""

import numpy as np
import pandas as pd

from analysis.drawing.rows import Rows
from analysis.questions._finding import Finding
from analysis.questions._kinds import Kinds, finding_of_kinds, kinds_of, rows_of_kinds
from analysis.tables import Results, computed_once

ORDER = 73
QUESTION = "transfer"
TITLE = "Transfer to another data set"
CAPTION = (
    "Test accuracy on the second data set after the last epoch. Carried over: training starts from "
    "the mask and weights learned on the first data set and trains the output layer alone, or all "
    "layers. From scratch: all layers trained on the second data set only. Random features: the "
    "output layer alone trained, all other layers as drawn. The gain from carrying over is the "
    "difference to random features. The axes do not start at zero."
)
SCRATCH, RANDOM = "from scratch", "random features"
CARRIED, CARRIED_ON = "carried over, output layer trained", "carried over, all trained on"


@computed_once  # the figure and the sentences need them
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
    return kinds_of(results, kind, trials["test_accuracy"], apart, order, (CARRIED,))


def summarise(results: Results) -> Rows:
    """Return test accuracy in percent on the second data set, carried over and from scratch."""
    missing = "No trial was trained on another data set before its own."
    return rows_of_kinds(results, transferred(results), missing)


def find(results: Results) -> Finding | None:
    """Compare what was learned on another data set with scratch and with random features."""
    return finding_of_kinds(
        results,
        transferred(results),
        value="test accuracy",
        contrasts=((CARRIED, RANDOM),),
        against_dense=(CARRIED,),
        note="Accuracies are on the second data set. The gain from carrying over is the "
        "difference to random features, where only the output layer is trained and all other "
        "layers stay as drawn.",
    )
