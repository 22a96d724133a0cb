"""Which trials a claim judges, and what several claims compare them with."""

import pandas as pd

from analysis.cells import CELL, CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.judged import HONEST
from analysis.estimates.pairing import at_default
from analysis.verdicts.claim import Rows

FREE = ("free-pruning", "free-flipping")
MINIMAL = ("minimal-pruning", "minimal-flipping")
#: Fields in which an arm may differ from its partner.
OWN = (*METHOD_ONLY, *RECIPE)
#: Distributions that are not symmetric about zero, whatever the fraction of positive weights.
SKEWED = ("skewed-exponential",)
#: Signs are highly asymmetric if the fraction of positive ones is this far from one half.
HIGHLY = 0.2


def _has(rows: pd.DataFrame, trait: str) -> "pd.Series[bool]":
    """Rows of methods with a trait, see `studies.traits.MethodTraits`."""
    return rows[trait].astype(bool)


def plain(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are: the fields that only methods read are at their default; no controls."""
    return at_default(rows, (*METHOD_ONLY, *CONTROL))


def as_is(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are, with their recipe: recipe fields that a study varies are at default.

    A value that all trials of a method share, on a network and a data set, is the method's own
    recipe.
    """
    fits = plain(rows)
    groups = rows.groupby(["network", "dataset", "method"], sort=False)
    for name in RECIPE:
        fits &= (groups[name].transform("nunique") == 1) | at_default(rows, [name])
    return fits


def symmetric(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials with weights that are symmetric about zero."""
    return at_default(rows, ["positive_fraction"]) & ~rows["weights"].isin(SKEWED)


def highly_asymmetric(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials with weights whose signs are far from evenly split, or that are skewed."""
    return ((rows["positive_fraction"] - 0.5).abs() > HIGHLY - 1e-9) | rows["weights"].isin(SKEWED)


def thresholds(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train scores and put the threshold where a chosen density says."""
    return (rows["density"] > 0) & _has(rows, "needs_density") & ~_has(rows, "trains_weights")


def trains_weights(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train weights under a mask of a chosen density."""
    return (rows["density"] > 0) & _has(rows, "needs_density") & _has(rows, "trains_weights")


def tuned(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials whose density was tuned honestly."""
    return rows["density"] == HONEST


def flips(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that flip."""
    return _has(rows, "flips")


def prunes(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that do not flip."""
    return ~flips(rows)


def wider(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials of networks that are wider than their name says."""
    return rows["width"] > 1


def recorded(value: str) -> Rows:
    """All trials of the cells in which at least one has a value; older results have none."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        return rows.groupby(list(CELL), sort=False)[value].transform("count") > 0

    return chosen
