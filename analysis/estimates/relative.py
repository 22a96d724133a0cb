"""Accuracy as a fraction of dense training's, seed by seed."""

import pandas as pd

from analysis.cells import BASELINE, TASK
from studies.trial import FIELDS

#: What dense training is held against first, whatever the weights of the other methods.
REFERENCE = "he-normal"
_SYMMETRIC = FIELDS["positive_fraction"].default
#: A task whatever its weights.
_ANY_WEIGHTS = [name for name in TASK if name not in ("weights", "positive_fraction")]


def relative(trials: pd.DataFrame) -> pd.DataFrame:
    """Each trial's test accuracy over that of dense training with the same seed and settings.

    Dense training from symmetric he-normal weights if the study has it, since from skewed or
    unscaled weights it may fail itself; else dense training from the same weights.

    Args:
        trials: a row per trial with the trial's fields and `test_accuracy`.

    Returns:
        The rows of all methods but dense with `relative`, nan where there is no such partner, and
        `own`, whether the partner has the trial's own weights because he-normal was not trained.
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
    """The accuracy of each row's partner among dense trials, nan without one, on its index."""
    found = others[on].merge(
        dense[[*on, "test_accuracy"]], on=on, how="left", validate="many_to_one"
    )
    return found["test_accuracy"].set_axis(others.index)
