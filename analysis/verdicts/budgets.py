"""Unequal tuning budgets: which of them allows a claim to be supported, and which to be refuted."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimates.pairing import OF_PARTNER
from analysis.tables import Results
from analysis.verdicts.claim import Claim, Criterion
from analysis.verdicts.floors import softmax_regression


def within_budgets(
    results: Results, pairs: pd.DataFrame, claim: Claim, criterion: Criterion
) -> pd.DataFrame:
    """Return pairs of tuned arms with the differences that unequal budgets allow.

    Support needs a rival with at least the other side's budget, a refutation one with at most that.
    So for support the other side's budget is cut to that of the rival, and for a refutation the
    rival's to that of the other side: a smaller budget has random options of the recorded ones. A
    rival that is swept over, such as all densities of a method, has the budgets of all places
    together for a claim about all of them, except those at which it learns nothing. What a value
    that is no accuracy would be with fewer configurations is not known.
    """
    # What a density beside a size may be worth at that size: less than the better one of the two.
    pairs = pairs.assign(difference_against=pairs["difference"] - pairs.get("apart", 0.0))
    rival = criterion.rival
    if rival is None or f"configurations{OF_PARTNER}" not in pairs:
        return pairs
    arm, partner = pairs["configurations"], pairs[f"configurations{OF_PARTNER}"]
    if (arm == partner).all():
        return pairs
    of_rival, of_other = (arm, partner) if rival == "arm" else (partner, arm)
    together = of_rival
    if rival == "arm" and claim.sweep and "method" not in claim.sweep:
        together = _of_all_places(results, pairs, claim)
    suffixes = {"arm": "", "partner": OF_PARTNER}
    other = "partner" if rival == "arm" else "arm"
    sign = {"arm": 1.0, "partner": -criterion.share}
    cut_other = _cut(pairs, suffixes[other], together, known=criterion.of_accuracies)
    cut_rival = _cut(pairs, suffixes[rival], of_other, known=criterion.of_accuracies)
    return pairs.assign(
        difference=pairs["difference"] + sign[other] * cut_other,
        difference_against=pairs["difference_against"] + sign[rival] * cut_rival,
    )


def _of_all_places(results: Results, pairs: pd.DataFrame, claim: Claim) -> "pd.Series[float]":
    """Return the budget of the places of a sweep together, as far as softmax regression is beaten.

    Otherwise a few places at which nothing learns would pay for a larger search of the other side.
    """
    means = pairs.groupby(["cell", *claim.sweep])["accuracy"].transform("mean")
    seeds = pairs["seed"].nunique()
    floors = {d: softmax_regression(results, str(d), seeds)[0] for d in pairs["dataset"].unique()}
    own = pairs["configurations"]
    paid = own.where(~(means <= pairs["dataset"].map(floors)), 0)
    return paid.groupby([pairs["cell"], pairs["seed"]]).transform("sum").clip(lower=own)


def _cut(
    pairs: pd.DataFrame, suffix: str, budget: "pd.Series[float]", *, known: bool
) -> NDArray[np.float64]:
    """Return what each pair's side loses if it tries no more configurations than a budget.

    Args:
        pairs: the pairs.
        suffix: of the side's columns.
        budget: the configurations that it may try.
        known: whether it is known what it would have reached with fewer.
    """
    names = ("configurations", "option_cost", "by_options", "accuracy")
    columns = (pairs[f"{name}{suffix}"] for name in names)
    lost = []
    for count, cost, by_options, accuracy, allowed in zip(*columns, budget, strict=True):
        options = int(allowed // cost)
        if count <= allowed:
            lost.append(0.0)
        elif options < 1 or by_options is None or not known:
            lost.append(math.nan)
        else:
            lost.append(float(by_options[options - 1]) - accuracy)
    return np.array(lost, float)
