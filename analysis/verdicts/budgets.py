"""Unequal tuning budgets: which of them allows a claim to be supported, and which to be refuted."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.estimates.pairing import OF_PARTNER
from analysis.verdicts.claim import Claim, Criterion


def within_budgets(pairs: pd.DataFrame, claim: Claim, criterion: Criterion) -> pd.DataFrame:
    """Return pairs of tuned arms with the differences that unequal budgets allow.

    Support needs a rival with at least the other side's budget, a refutation one with at most that.
    So for support the other side's budget is cut to that of the rival, and for a refutation the
    rival's to that of the other side: a smaller budget has random options of the recorded ones. A
    rival that is swept over, such as all densities of a method, has the budgets of all places
    together for a claim about all of them. Values that are no accuracies are left as they are: what
    they would be with fewer configurations is not known.
    """
    rival = criterion.rival
    if rival is None or not criterion.of_accuracies or f"configurations{OF_PARTNER}" not in pairs:
        return pairs.assign(difference_against=pairs["difference"])
    arm, partner = pairs["configurations"], pairs[f"configurations{OF_PARTNER}"]
    if (arm == partner).all():
        return pairs.assign(difference_against=pairs["difference"])
    of_rival, of_other = (arm, partner) if rival == "arm" else (partner, arm)
    together = of_rival
    if rival == "arm" and claim.sweep and "method" not in claim.sweep:
        together = of_rival.groupby([pairs["cell"], pairs["seed"]]).transform("sum")
    suffixes = {"arm": "", "partner": OF_PARTNER}
    other = "partner" if rival == "arm" else "arm"
    sign = {"arm": 1.0, "partner": -criterion.share}
    cut_other = _cut(pairs, suffixes[other], together)
    cut_rival = _cut(pairs, suffixes[rival], of_other)
    return pairs.assign(
        difference=pairs["difference"] + sign[other] * cut_other,
        difference_against=pairs["difference"] + sign[rival] * cut_rival,
    )


def _cut(pairs: pd.DataFrame, suffix: str, budget: "pd.Series[float]") -> NDArray[np.float64]:
    """Return what each pair's side loses if it tries no more configurations than a budget."""
    names = ("configurations", "option_cost", "by_options", "accuracy")
    columns = (pairs[f"{name}{suffix}"] for name in names)
    lost = []
    for count, cost, by_options, accuracy, allowed in zip(*columns, budget, strict=True):
        options = int(allowed // cost)
        if count <= allowed:
            lost.append(0.0)
        elif options < 1 or by_options is None:
            lost.append(math.nan)
        else:
            lost.append(float(by_options[options - 1]) - accuracy)
    return np.array(lost, float)
