"""The cost of a wrong threshold: each density compared with the best one of its method."""

from dataclasses import dataclass

import pandas as pd

from analysis.cells import BASELINE
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import pair

_VALUE = "test_accuracy"


@dataclass(frozen=True)
class Regrets:
    """The regrets of a method's densities and of the methods that need no density.

    Attributes:
        best: the density with the highest mean accuracy, the lowest of equally good ones. It is
            chosen and judged on the same seeds, so its accuracy is optimistic and all regrets are
            too large.
        curve: a row per density: density and the columns of `grouped` for the accuracy at the best
            density minus that at this one, fractions; 0 without an interval for the best.
        levels: a row per threshold-free method: method and the columns of `grouped` for the same
            difference; below 0 if the method does better than the best density.
    """

    best: float
    curve: pd.DataFrame
    levels: pd.DataFrame


def regrets(trials: pd.DataFrame, method: str) -> Regrets:
    """Return the regret of each density of a method, and of each method without a threshold.

    The differences are paired by seed.

    Args:
        trials: a row per trial of one panel: method, density (0: needs none), seed, and
            test_accuracy, which is not nan.
        method: a method that was trained at one density or more.
    """
    chosen = trials[(trials["method"] == method) & (trials["density"] > 0)]
    free = trials[(trials["density"] == 0) & (trials["method"] != BASELINE)]
    means = chosen.groupby("density")[_VALUE].mean()
    best = float(means.index[int(means.argmax())])  # the lowest of equally good ones
    reference = chosen[chosen["density"] == best]
    pairs = (pair(rows, reference, ["seed"], _VALUE) for rows in (chosen, free))
    of_chosen, of_free = (rows.assign(regret=-rows["difference"]) for rows in pairs)
    curve = grouped(of_chosen, ["density"], "regret").sort_values("density", ignore_index=True)
    curve.loc[curve["density"] == best, ["low", "high"]] = float("nan")
    return Regrets(best, curve, grouped(of_free, ["method"], "regret"))
