"""The cost of a wrong threshold: each density compared with the best one of its method."""

from dataclasses import dataclass

import pandas as pd

from analysis.cells import BASELINE
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import pair

VALUE = "test_accuracy"


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
    best = _best(chosen)
    reference = chosen[chosen["density"] == best]
    free = trials[(trials["density"] == 0) & (trials["method"] != BASELINE)]

    def against_best(rows: pd.DataFrame) -> pd.DataFrame:
        pairs = pair(rows, reference, ["seed"], VALUE)
        return pairs.assign(regret=-pairs["difference"])

    curve = grouped(against_best(chosen), ["density"], "regret").sort_values("density")
    curve.loc[curve["density"] == best, ["low", "high"]] = float("nan")
    levels = grouped(against_best(free), ["method"], "regret")
    return Regrets(best, curve.reset_index(drop=True), levels)


def _best(trials: pd.DataFrame) -> float:
    means = trials.groupby("density", as_index=False)[VALUE].mean()  # ascending densities
    return float(means["density"].iloc[int(means[VALUE].argmax())])
