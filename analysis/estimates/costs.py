"""The cost of training: seconds of an epoch and to an accuracy, under the same conditions.

The times are of trials that ran beside others, so they are less reliable than those of
`make bench`, which measures methods in turn. Medians and quartiles are used because a busy machine
makes some epochs far longer.
"""

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd

from analysis.cells import BASELINE, TASK_CELL

#: Two times are comparable if these are the same; a time on a GPU is that of a whole pack.
CONDITIONS = ("engine", "device", "threads", "tf32", "pack_size", "versions")


def epoch_seconds(epochs: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Return each trial's median seconds of an epoch's training, without evaluation.

    Args:
        epochs: the table `epochs` of results; epoch 0 trains nothing and does not count.

    Returns:
        A row per trial: attempt, epoch_seconds.
    """
    trained = epochs.filter("epoch > 0")
    medians: pd.DataFrame = trained.aggregate(
        "attempt, median(train_seconds) AS epoch_seconds", "attempt"
    ).df()
    return medians


def comparable(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that ran under the conditions of dense training on the same task.

    If the dense trials of a task ran under several conditions (`CONDITIONS`), those count under
    which most trials of the task ran. A trial also needs a dense trial on its machine.

    Args:
        trials: rows of `trials`, with `epoch_seconds`.

    Returns:
        These rows with `epoch_ratio`: their seconds divided by the median of the dense trials of
        the same task and machine.
    """
    # One text for all conditions, because a missing value is no key to merge on.
    texts = trials[list(CONDITIONS)].astype("string").fillna("")
    conditions = texts[CONDITIONS[0]].str.cat(texts[list(CONDITIONS[1:])], sep=" | ")
    rows = trials.assign(conditions=conditions)
    keys = [*TASK_CELL, "conditions"]
    counts = rows.groupby(keys, sort=False).size().rename("trials").reset_index()
    counts = counts.merge(rows.loc[rows["method"] == BASELINE, keys].drop_duplicates(), on=keys)
    most = counts.sort_values("trials", ascending=False, kind="stable")
    kept = rows.merge(most.drop_duplicates(list(TASK_CELL))[keys], on=keys)
    place = [*TASK_CELL, "host"]
    of_dense = kept[kept["method"] == BASELINE].groupby(place, sort=False)["epoch_seconds"]
    kept = kept.merge(of_dense.median().rename("of_dense").reset_index(), on=place)
    kept["epoch_ratio"] = kept["epoch_seconds"] / kept.pop("of_dense")
    return kept


def quartiles(rows: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return median and quartiles of each group, each a value of the group (no interpolation).

    Args:
        rows: a row per trial with `by` and `value`; infinite for what never happened.
        by: the columns that make the groups.
        value: the column.

    Returns:
        A row per group: `by`, mean (the median), low and high (the quartiles), n.
    """
    estimates = []
    for key, values in rows.groupby(list(by), sort=False)[value]:
        low, middle, high = np.quantile(values.to_numpy(), [0.25, 0.5, 0.75], method="inverted_cdf")
        estimates.append([*key, middle, low, high, len(values)])
    return pd.DataFrame(estimates, columns=[*by, "mean", "low", "high", "n"])
