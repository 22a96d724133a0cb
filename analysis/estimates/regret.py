"""What a wrong threshold costs: each density against the best one of its method, paired by seed."""

from dataclasses import dataclass

import pandas as pd

from analysis.cells import BASELINE
from analysis.estimates import grouped

VALUE = "test_accuracy"


@dataclass(frozen=True)
class Regrets:
    """The regrets of a method's densities and of the methods that need none.

    Attributes:
        best: the density with the highest mean accuracy; of several the lowest. Chosen and judged
            on the same seeds, so its accuracy is optimistic and so are all regrets too large.
        curve: a row per density: density and the columns of `grouped`, accuracy at the best minus
            that, fractions; the best one's is 0 without an interval.
        levels: a row per threshold-free method: method and the columns of `grouped`, likewise;
            below 0 where it does better than the best density.
    """

    best: float
    curve: pd.DataFrame
    levels: pd.DataFrame


def regrets(trials: pd.DataFrame, method: str) -> Regrets:
    """The regret of each density of a method, and of each method without a threshold.

    Args:
        trials: a row per trial of one setting: method, density (0: needs none), seed,
            test_accuracy, known.
        method: one that was trained at a density or more.
    """
    told = trials[(trials["method"] == method) & (trials["density"] > 0)]
    best = _best(told)
    reference = told[told["density"] == best].set_index("seed")[VALUE]
    free = trials[(trials["density"] == 0) & (trials["method"] != BASELINE)]

    def against_best(rows: pd.DataFrame) -> pd.DataFrame:
        regret = rows["seed"].map(reference) - rows[VALUE]
        return rows.assign(regret=regret).dropna(subset="regret")

    curve = grouped(against_best(told), ["density"], "regret").sort_values("density")
    curve.loc[curve["density"] == best, ["low", "high"]] = float("nan")
    levels = grouped(against_best(free), ["method"], "regret")
    return Regrets(best, curve.reset_index(drop=True), levels)


def _best(told: pd.DataFrame) -> float:
    means = told.groupby("density", as_index=False)[VALUE].mean()  # densities in ascending order
    return float(means["density"].iloc[int(means[VALUE].argmax())])
