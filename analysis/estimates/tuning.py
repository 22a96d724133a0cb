"""What tuning buys: the best validation accuracy to be expected after so many trainings."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from analysis.cells import METHOD_ONLY, RECIPE

#: What somebody tunes: a method's own settings and how it is optimised.
TUNED = (*METHOD_ONLY, *RECIPE)


def expected_best(values: Sequence[float]) -> np.ndarray:
    """The expected maximum of the first k of these values in random order, for each k.

    Exact over all orders: of n values in ascending order the i-th is the largest of k with
    probability C(i - 1, k - 1) / C(n, k).

    Args:
        values: n values, one per setting.

    Returns:
        [n], from k = 1 (their mean) to k = n (their maximum).
    """
    ascending = np.sort(np.asarray(values, float))
    n = len(ascending)
    below, tried = np.arange(n), np.arange(1, n + 1)[:, None]
    chances = special.comb(below, tried - 1) / special.comb(n, tried)  # [k, i]
    best: np.ndarray = chances @ ascending
    return best


def arms(tuning: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """What each arm's tuning brings, setting for setting.

    Args:
        tuning: a row per finished trial on a tuning seed; validation accuracy counts as chance
            where there is none.
        by: the fields that make an arm; its settings are its combinations of `TUNED`.

    Returns:
        A row per arm and number of settings tried, ascending: `by`; settings, how many there are;
        tried; best, the expected best of their mean validation accuracies, a fraction; trainings
        spent, rounds of a method counted each; fewest and most, the seeds of a setting.
    """
    accuracy = tuning["validation_accuracy"].fillna(1 / tuning["classes"]).fillna(0.0)
    # a method that trains in rounds has more epochs than its trial's field says
    trainings = np.maximum(np.ceil(tuning["last_epoch"] / tuning["epochs"].clip(lower=1)), 1)
    rows = tuning.assign(accuracy=accuracy, trainings=trainings)
    found = []
    for key, arm in rows.groupby(list(by), sort=False):
        each = arm.groupby(list(TUNED), sort=False).agg(
            accuracy=("accuracy", "mean"), spent=("trainings", "sum"), seeds=("seed", "nunique")
        )
        count, cost = len(each), each["spent"].mean()
        about = [count, int(each["seeds"].min()), int(each["seeds"].max())]
        for tried, best in enumerate(expected_best(each["accuracy"].tolist()), 1):
            found.append([*key, tried, best, tried * cost, *about])
    names = [*by, "tried", "best", "trainings", "settings", "fewest", "most"]
    return pd.DataFrame(found, columns=names)
