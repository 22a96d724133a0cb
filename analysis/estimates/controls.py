"""Does a mask carry the function, or only how many connections each layer keeps?

A trained network is compared with itself after its final mask was permuted within each layer, after
its weights were redrawn under the mask, after both, and before training. Networks whose weights are
trained under the mask that another method has learned are separate trials.
"""

import re

import pandas as pd

from analysis.cells import varying
from analysis.estimates.pairing import pair
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

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
