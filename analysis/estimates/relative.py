"""Accuracy as a fraction of that of dense training, paired by seed."""

import pandas as pd

from analysis.cells import BASELINE, TASK
from analysis.estimates.pairing import pair
from studies.trial import FIELDS

#: The weights of the dense training that all methods are compared with, if the study has it.
REFERENCE = "he-normal"
_SYMMETRIC = FIELDS["positive_fraction"].default
#: The fields of a task without those of its weights.
_ANY_WEIGHTS = [name for name in TASK if name not in ("weights", "positive_fraction")]


def relative(trials: pd.DataFrame) -> pd.DataFrame:
    """Return each trial's test accuracy divided by that of dense training with the same seed.

    The partner is dense training from symmetric he-normal weights if the study has it, because
    dense training from skewed or unscaled weights may fail; otherwise from the same weights.

    Args:
        trials: a row per trial with the trial's fields and `test_accuracy`.

    Returns:
        The rows of all methods but dense with `relative`, nan without such a partner, and `own`,
        whether the partner has the trial's own weights because the study has no he-normal one.
    """
    dense = trials.loc[trials["method"] == BASELINE, [*TASK, "test_accuracy"]]
    symmetric = (dense["weights"] == REFERENCE) & (dense["positive_fraction"] == _SYMMETRIC)
    others = trials[trials["method"] != BASELINE]
    first = _partner(others, dense[symmetric], _ANY_WEIGHTS)
    second = _partner(others, dense, list(TASK))
    accuracy = first.fillna(second)
    return others.assign(
        relative=others["test_accuracy"] / accuracy.where(accuracy > 0),
        own=first.isna() & second.notna(),
    )


def _partner(others: pd.DataFrame, dense: pd.DataFrame, on: list[str]) -> pd.Series:
    """Return the accuracy of each row's dense partner, nan without one, indexed like the rows."""
    return pair(others, dense, on, "test_accuracy", unpaired=True)["test_accuracy_of_partner"]
