"""The gain of tuning: the best of the first k of several configurations, and what it is worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.cells import METHOD_ONLY, RECIPE
from studies.tuned import OF_A_FAILURE

#: The fields that are tuned: those that only a method reads, and its recipe.
TUNED = (*METHOD_ONLY, *RECIPE)


def expected_at_best(scores: Sequence[float], values: Sequence[float]) -> NDArray[np.float64]:
    """Return the expected value of the best-scored of k random configurations, for each k.

    Exact over all subsets: the i-th of n in ascending order is the best of k with probability
    C(i - 1, k - 1) / C(n, k). Of equal scores the first given counts as the best.

    Args:
        scores: [n], by which the best is chosen.
        values: [n], what the chosen one is worth; nan makes those expectations nan that need it.

    Returns:
        [n], from k = 1 (the mean) to k = n (the value of the best).
    """
    n = len(scores)
    order = np.lexsort((-np.arange(n), np.asarray(scores, float)))
    below, tried = np.arange(n), np.arange(1, n + 1)[:, None]
    chances = special.comb(below, tried - 1) / special.comb(n, tried)  # [k, i]
    worth = np.where(chances > 0, np.asarray(values, float)[order], 0.0)
    return np.asarray((chances * worth).sum(axis=1), np.float64)


def arms(tuning: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the gain of tuning each arm, by the number of configurations tried.

    Args:
        tuning: a row per finished trial on a tuning seed; a missing validation accuracy counts as
            it does when configurations are chosen.
        by: the fields that make an arm; its configurations are its combinations of `TUNED`.

    Returns:
        A row per arm and number of configurations tried, ascending: `by`; configurations, their
        number; tried; best, the expected best of their mean validation accuracies, a
        fraction; trainings spent, where each round of a method counts; fewest and most, the numbers
        of seeds of a configuration.
    """
    accuracy = tuning["validation_accuracy"].fillna(OF_A_FAILURE)
    # A method that trains in rounds has more epochs than its trial's field.
    trainings = np.maximum(np.ceil(tuning["last_epoch"] / tuning["epochs"].clip(lower=1)), 1)
    rows = tuning.assign(accuracy=accuracy, trainings=trainings)
    table = []
    for key, arm in rows.groupby(list(by), sort=False):
        configurations = arm.groupby(list(TUNED), sort=False).agg(
            accuracy=("accuracy", "mean"), spent=("trainings", "sum"), seeds=("seed", "nunique")
        )
        cost, seeds = configurations["spent"].mean(), configurations["seeds"]
        counts = [len(configurations), int(seeds.min()), int(seeds.max())]
        means = configurations["accuracy"].tolist()
        for tried, best in enumerate(expected_at_best(means, means), 1):
            table.append([*key, tried, best, tried * cost, *counts])
    names = [*by, "tried", "best", "trainings", "configurations", "fewest", "most"]
    return pd.DataFrame(table, columns=names)
