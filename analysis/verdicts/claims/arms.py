"""Which trials a claim judges, and what several claims hold them against."""

import pandas as pd

from analysis.cells import CELL, CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.pairing import HONEST, at_default
from analysis.verdicts.claim import Rows

FREE = ("free-pruning", "free-flipping")
MINIMAL = ("minimal-pruning", "minimal-flipping")
#: What an arm may have of its own.
OWN = (*METHOD_ONLY, *RECIPE)
#: Families whose weights are not symmetric about zero, whatever the fraction of positive ones.
SKEWED = ("skewed-exponential",)
#: Signs are highly asymmetric where the fraction of positive ones is so far from one half.
HIGHLY = 0.2


def plain(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are: what only they read is at its default, and they are no controls."""
    return at_default(rows, (*METHOD_ONLY, *CONTROL))


def as_is(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are, under their recipe: what a study varies of it is at its default.

    A recipe that is a method's only one there is its own.
    """
    fits = plain(rows)
    groups = rows.groupby(["network", "dataset", "method"], sort=False)
    for name in RECIPE:
        fits &= (groups[name].transform("nunique") == 1) | at_default(rows, [name])
    return fits


def symmetric(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Weights that are symmetric about zero."""
    return at_default(rows, ["positive_fraction"]) & ~rows["weights"].isin(SKEWED)


def highly_asymmetric(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Weights whose signs are far from evenly split, or that are skewed."""
    return ((rows["positive_fraction"] - 0.5).abs() > HIGHLY - 1e-9) | rows["weights"].isin(SKEWED)


def thresholds(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train scores and put the threshold at a quantile."""
    return (rows["density"] > 0) & rows["method"].str.startswith("edge-popup")


def trains_weights(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train weights under a mask of a density."""
    return (rows["density"] > 0) & ~rows["method"].str.startswith("edge-popup")


def tuned(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Densities that were tuned honestly."""
    return rows["density"] == HONEST


def flips(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that flip."""
    return rows["method"].str.contains("flipping")


def prunes(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that do not flip."""
    return ~flips(rows)


def wider(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Networks wider than they are described."""
    return rows["width"] > 1


def recorded(value: str) -> Rows:
    """Cells of which a trial has a value, with all of their trials: older results have none."""

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        return rows.groupby(list(CELL), sort=False)[value].transform("count") > 0

    return chosen
