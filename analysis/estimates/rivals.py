"""Free methods against rivals: with a setting for what is kept, without one, and left alone."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import CELL, METHOD_ONLY, RECIPE, TUNED_VALUES
from analysis.estimates.judged import OF_ONE, not_judged_as_one
from analysis.estimates.pairing import at_default, keys, pair
from analysis.estimates.rates import without_values
from analysis.estimates.tuned import tuned
from analysis.estimates.tuning import TUNED
from analysis.tables import Results, computed_once
from studies import names
from studies.trial import FIELDS, SETTABLE

#: The methods without a setting that rivals are compared with.
FREE = ("free-pruning", "free-flipping")
#: Stands for the free method that validation prefers, in rows that are copies of its trials.
PREFERRED = "preferred free method"
#: What rivals that are compared on a task have in common; the rest is their own.
TASK = tuple(
    name
    for name in CELL
    if name not in ("method", "weights", "positive_fraction", "activation", *METHOD_ONLY, *RECIPE)
)
#: The density of a method that somebody leaves alone.
UNTUNED_DENSITY = 0.5


def by_setting(results: Results) -> pd.DataFrame:
    """Return every arm at its best recipe, with the values of its own setting as a column.

    Returns:
        Rows of `tuned` with `parameters`: those in the method's name, such as ``tau=0.2``, where
        these fix or price what is kept; `method` is then the name without them.
    """
    rows = tuned(results, RECIPE)
    priced = rows["sets_kept_share"].astype(bool) & ~rows["needs_density"].astype(bool)
    of_name = {name: names.split(name)[1] for name in rows["method"].unique()}
    values = {
        name: ", ".join(f"{key}={value}" for key, value in parameters.items() if value) or "default"
        for name, parameters in of_name.items()
    }
    return rows.assign(
        method=rows["method"].where(~priced, rows["method"].map(without_values)),
        parameters=np.where(priced, rows["method"].map(values), ""),
    )


def own_configuration(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Return the trials of arms whose configuration is tuned, or is the only one or the default."""
    fits = pd.Series((rows["configurations"] > 1).to_numpy(), rows.index)
    (task,) = keys(rows, on=["network", "dataset", "epochs", "method", "weights"])
    plain = at_default(rows, METHOD_ONLY)
    for name in RECIPE:
        single = rows[name].groupby(task).transform("nunique") == 1
        plain &= single | at_default(rows, [name])
    return fits | plain


@computed_once
def with_preferred_free(results: Results) -> pd.DataFrame:
    """Return every arm at the configuration it chooses, and the preferred free method again.

    Validation accuracy prefers it: on the tuning seeds where the free methods are tuned, else on
    the seeds that are judged.

    Returns:
        Rows of `tuned` of all but the preferred method, whose best arm comes with `PREFERRED` as
        its method; on tasks without a free method none.
    """
    rows = tuned(results, TUNED)
    known = rows["score"].fillna(rows["validation_accuracy"])
    fits = rows["method"].isin(FREE) & (rows["density"] == 0) & own_configuration(rows)
    free = rows[fits].assign(known=known[fits])
    task, of_rows = keys(free, rows, on=TASK)
    (arm,) = keys(free, on=CELL)
    free = free.assign(task=task, arm=arm)
    means = free.groupby(["task", "arm"], sort=False)["known"].mean().reset_index()
    means = means.sort_values("known", ascending=False, kind="stable").drop_duplicates("task")
    best = free[free["arm"].isin(means["arm"])]
    preferred = best.drop_duplicates("task").set_index("task")["method"]
    is_rival = pd.Series(of_rows, rows.index).map(preferred)
    rivals = rows[is_rival.notna() & (is_rival != rows["method"])]
    defaults: dict[str, Any] = {name: FIELDS[name].default for name in METHOD_ONLY}
    copies = best[rows.columns].assign(method=PREFERRED, **defaults)
    return pd.concat([rivals, copies], ignore_index=True)


@computed_once
def left_alone(results: Results) -> pd.DataFrame:
    """Return the regret of methods whose settings nobody tunes: a density of 0.5, a free default.

    The regret is the accuracy at the settings that validation chooses on the tuning seeds, minus
    that at the untuned ones, each at its own best recipe. A free method without other settings has
    a regret of 0; a method whose densities were not tuned has no row.

    Returns:
        The rows of `tuned` at the untuned settings with `regret`, a fraction, and `best_failure`,
        the failure of the trial at the chosen settings. All have a density of 0, so that methods
        with a density pair with free methods.
    """
    rows = tuned(results, RECIPE)
    others = [name for name in METHOD_ONLY if name != "density"]
    density = rows["density"].where(rows["needs_density"].astype(bool), UNTUNED_DENSITY)
    alone = rows[(density == UNTUNED_DENSITY) & at_default(rows, others)]
    at_best = tuned(results, TUNED)
    on = [name for name in SETTABLE if name not in TUNED]
    kept = ["density", "failure", "committed", *OF_ONE]
    pairs = pair(alone, _one_per_arm(at_best, on), on, "accuracy", keep=kept)
    without = ~pairs["needs_density"].astype(bool)
    pairs = pairs[without | (pairs["density_of_partner"] == TUNED_VALUES["density"])]
    regrets = alone.loc[pairs.index].assign(
        regret=-pairs["difference"],
        density=0.0,
        best_failure=pairs["failure_of_partner"],
        committed=pairs["committed"] & pairs["committed_of_partner"],
        not_judged=not_judged_as_one(pairs),
    )
    return regrets.reset_index(drop=True)


def _one_per_arm(rows: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    """Return the rows of arms with one row per seed: what is not tuned has several."""
    (numbers,) = keys(rows, on=on)
    counts = pd.Series(numbers).map(pd.Series(numbers).value_counts()).to_numpy()
    alone: pd.DataFrame = rows[counts == 1]
    return alone
