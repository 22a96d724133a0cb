"""Which trials a claim judges, and what several claims compare them with.

Methods are selected by their traits (`studies.traits.MethodTraits`), so a method of a user's own
has its verdicts. A name stands only where a claim is about a method of this name.
"""

import math

import numpy as np
import pandas as pd

from analysis.cells import CELL, CONTROL, METHOD_ONLY, RECIPE
from analysis.estimates.pairing import at_default, keys
from analysis.estimates.rivals import FREE
from analysis.estimates.tuned import tuned
from analysis.tables import Results
from analysis.verdicts.claim import Rows

MINIMAL = ("minimal-pruning", "minimal-flipping")
#: The density of a row whose density was tuned.
TUNED_DENSITY = -math.inf
#: Fields in which an arm may differ from its partner.
OWN = (*METHOD_ONLY, *RECIPE)
#: A partner may have another rate, since methods need rates of their own.
RATE = ("learning_rate",)
#: Distributions that are not symmetric about zero, whatever the fraction of positive weights.
SKEWED = ("skewed-exponential",)
#: Signs are highly asymmetric if the fraction of positive ones is this far from one half.
HIGHLY = 0.2


def _has(rows: pd.DataFrame, trait: str) -> "pd.Series[bool]":
    """Rows of methods with a trait, see `studies.traits.MethodTraits`."""
    return rows[trait].astype(bool)


def free(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train connections, and have no setting that fixes or prices what is kept."""
    set_by = _has(rows, "needs_density") | _has(rows, "sets_kept_share")
    return _has(rows, "by_mask") & ~_has(rows, "trains_weights") & ~set_by


def without_setting(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Free methods, and others without such a setting whose masks are random (supermask)."""
    set_by = _has(rows, "needs_density") | _has(rows, "sets_kept_share")
    masks = _has(rows, "by_mask") | _has(rows, "random_mask")
    return masks & ~_has(rows, "trains_weights") & ~set_by


def with_setting(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods that train connections, and have a setting that fixes or prices what is kept.

    The minimal and maximal methods are not among them: their penalty has the claim C8-penalty.
    """
    set_by = _has(rows, "needs_density") | _has(rows, "sets_kept_share")
    priced = rows["method"].str.startswith(("minimal-", "maximal-"))
    return set_by & ~_has(rows, "trains_weights") & ~priced


def plain(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are: the fields that only methods read are at their default; no controls."""
    return at_default(rows, (*METHOD_ONLY, *CONTROL))


def no_control(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials that are no controls of others."""
    return at_default(rows, CONTROL)


def as_is(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Methods as they are, with their recipe: recipe fields that a study varies are at default.

    A value that all trials of a method share, on a network and a data set, is the method's own
    recipe, and so is such a rescaling.
    """
    own = (*RECIPE, "rescaling")
    fits = at_default(rows, [name for name in (*METHOD_ONLY, *CONTROL) if name not in own])
    groups = rows.groupby(["network", "dataset", "method"], sort=False)
    for name in own:
        if rows[name].nunique() > 1:
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


def tuned_density(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials of methods that train scores, whose density was tuned."""
    return (rows["density"] == TUNED_DENSITY) & ~_has(rows, "trains_weights")


def tuned_recipe(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials whose recipe was chosen among several."""
    return rows["configurations"] > 1


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
    """Trials of the cells in which one has a value; of a cell without finished trials, all.

    Older results lack some values, and what is not trained yet will record them.
    """

    def chosen(rows: pd.DataFrame) -> "pd.Series[bool]":
        (numbers,) = keys(rows, on=CELL)
        valued, finished = (numbers[rows[name].notna().to_numpy()] for name in (value, "attempt"))
        fits = np.isin(numbers, valued) | ~np.isin(numbers, finished)
        return pd.Series(fits, rows.index)

    return chosen


#: The rates of the authors' runs behind their figures, by network and data set: dense, pruning,
#: flipping. From their figure script, see docs/official.md.
_AUTHORS = {
    ("lenet-300-100", "mnist"): (1e-3, 1e-3, 1e-3),
    ("conv2", "cifar10"): (2e-4, 3e-3, 5e-4),
    ("conv4", "cifar10"): (3e-4, 3e-3, 5e-4),
    ("conv6", "cifar10"): (3e-4, 3e-3, 5e-4),
}
_NONE = (math.nan, math.nan, math.nan)


def authors_rate(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials on a task of Ivan & Florian under their recipe: Adam, batch 25, their rates."""
    tasks = zip(rows["network"], rows["dataset"], strict=True)
    kinds = np.where(rows["trains_weights"], 0, np.where(rows["flips"], 2, 1))
    rates = [_AUTHORS.get(task, _NONE)[kind] for task, kind in zip(tasks, kinds, strict=True)]
    others = [name for name in RECIPE if name != "learning_rate"]
    same = np.isclose(rows["learning_rate"].to_numpy(float), np.array(rates, float), atol=0)
    return at_default(rows, others) & pd.Series(same, rows.index, dtype=bool)


def free_or_minimal(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Free methods, and the minimal methods, whose penalty is at its default."""
    return free(rows) | rows["method"].isin(MINIMAL)


def recipe_of_its_own(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials whose optimiser, schedule or batch no free method has on the same task."""
    recipe = [name for name in RECIPE if name != "learning_rate"]
    return ~_as_a_free_method(rows, ["network", "dataset", "epochs", *recipe])


def rival_of_its_own(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Trials of methods with a setting for what they keep that C6 does not judge.

    Their setting is no density, or they have weights or an activation that no free method has on
    the same task.
    """
    shared = _as_a_free_method(rows, ["network", "dataset", "epochs", "weights", "activation"])
    return with_setting(rows) & ~(shared & (rows["density"] > 0))


def _as_a_free_method(rows: pd.DataFrame, names: list[str]) -> "pd.Series[bool]":
    (numbers,) = keys(rows, on=names)
    return pd.Series(np.isin(numbers, numbers[rows["method"].isin(FREE).to_numpy()]), rows.index)


def at_recipe(results: Results) -> pd.DataFrame:
    """Return every arm at its best recipe where it tunes one, else at the recipe it has."""
    return tuned(results, RECIPE)
