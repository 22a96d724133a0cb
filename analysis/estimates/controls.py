"""Does a mask carry the function, or only how many connections each layer keeps?

A trained network is held against itself with its final mask permuted within each layer, with its
weights drawn anew under the mask, and with both; and against itself before training. Networks whose
weights are trained under the mask that another method has learned are trials of their own.
"""

import re

import pandas as pd

from analysis.cells import varying
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

TRAINED = "as trained"
#: What is done to the trained network, by the column of its accuracy.
MOVED = {
    "test_accuracy": TRAINED,
    "redrawn_accuracy": "weights redrawn",
    "permuted_accuracy": "mask permuted",
    "random_accuracy": "both exchanged",
    "untrained_accuracy": "before training",
}
#: Under which mask weights are trained anew, by the method's parameter.
RETRAINED = {"": "its mask", "shuffled": "mask permuted", "redrawn": "weights redrawn"}
_RETRAINS = re.compile(r"^(?P<learner>.+)-weights(?:\((?P<how>shuffled|redrawn)\))?$")


@computed_once  # a figure and a section of the report ask for them
def moved(results: Results) -> pd.DataFrame:
    """The accuracy of each trained network and of its controls, none of them trained again.

    Returns:
        A row per trial that has them and control: the fields that cells differ in, seed, outcome,
        classes; control, of `MOVED`'s values; accuracy, a fraction; difference, that minus the
        accuracy as trained.
    """
    first = results.epochs.filter("epoch = 0")
    before = first.project("attempt, test_accuracy AS untrained_accuracy").df()
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
    """The accuracy of weights trained under a mask that another method has learned.

    Returns:
        A row per such trial: the fields that cells differ in, seed, outcome, classes; `method`, the
        one that learned the mask; control, of `RETRAINED`'s values; accuracy, a fraction;
        difference, that minus the accuracy under the mask as it is, nan without that partner.
    """
    named = results.trials["method"].str.extract(_RETRAINS)
    rows = results.trials.assign(
        method=named["learner"],
        how=named["how"].fillna(""),
        accuracy=results.trials["test_accuracy"],
    )[named["learner"].notna()]
    as_it_is = rows.loc[rows["how"] == "", [*SETTABLE, "accuracy"]]
    found = rows.merge(as_it_is, on=list(SETTABLE), how="left", suffixes=("", "_as_it_is"))
    found = found.assign(
        control=found["how"].map(RETRAINED),
        difference=found["accuracy"] - found["accuracy_as_it_is"],
    )
    wanted = [*varying(results), "seed", "outcome", "classes", "control", "accuracy", "difference"]
    return found[wanted]
