"""What training costs: seconds of an epoch and to an accuracy, compared under like conditions.

Times are of trials that ran beside others, and tell less than `make bench`, which measures methods
in turn; medians and quartiles, because a busy machine makes some epochs far longer.
"""

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd

from analysis.cells import BASELINE, SETTING

#: Two times are comparable where these are the same; a GPU's are those of a whole pack.
CONDITIONS = ("engine", "device", "threads", "tf32", "pack_size", "versions")


def epoch_seconds(epochs: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Per trial the median seconds of an epoch's training, evaluation not included.

    Args:
        epochs: the table of that name; epoch 0 trains nothing and does not count.

    Returns:
        A row per trial: attempt, epoch_seconds.
    """
    trained = epochs.filter("epoch > 0")
    found: pd.DataFrame = trained.aggregate(
        "attempt, median(train_seconds) AS epoch_seconds", "attempt"
    ).df()
    return found


def comparable(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that ran as dense training of the same setting did, on a machine where it ran.

    Of several conditions (`CONDITIONS`) under which a setting's dense trials ran, those count under
    which most of its trials did.

    Args:
        trials: rows of `trials`, with `epoch_seconds`.

    Returns:
        These rows with `epoch_ratio`: their seconds over the median of the dense trials of the same
        setting and machine.
    """
    # as one text, since a column may have no value, which is no key to merge on
    texts = trials[list(CONDITIONS)].astype("string").fillna("")
    conditions = texts[CONDITIONS[0]].str.cat(texts[list(CONDITIONS[1:])], sep=" | ")
    ran = trials.assign(conditions=conditions)
    how = [*SETTING, "conditions"]
    counts = ran.groupby(how, sort=False).size().rename("trials").reset_index()
    counts = counts.merge(ran.loc[ran["method"] == BASELINE, how].drop_duplicates(), on=how)
    most = counts.sort_values("trials", ascending=False, kind="stable")
    kept = ran.merge(most.drop_duplicates(list(SETTING))[how], on=how)
    place = [*SETTING, "host"]
    of_dense = kept[kept["method"] == BASELINE].groupby(place, sort=False)["epoch_seconds"]
    kept = kept.merge(of_dense.median().rename("of_dense").reset_index(), on=place)
    kept["epoch_ratio"] = kept["epoch_seconds"] / kept.pop("of_dense")
    return kept


def quartiles(rows: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Median and quartiles of each group, as members of it (the inverse of its distribution).

    Args:
        rows: a row per trial with `by` and `value`; infinite for what never came.
        by: the columns that make the groups.
        value: the column.

    Returns:
        A row per group: `by`, mean (the median), low and high (the quartiles), n.
    """
    found = []
    for key, values in rows.groupby(list(by), sort=False)[value]:
        low, middle, high = np.quantile(values.to_numpy(), [0.25, 0.5, 0.75], method="inverted_cdf")
        found.append([*key, middle, low, high, len(values)])
    return pd.DataFrame(found, columns=[*by, "mean", "low", "high", "n"])
