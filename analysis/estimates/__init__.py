"""Means with t intervals, and differences paired by seed. Pure functions of numbers and frames.

Every interval is the two-sided t interval of a mean: mean +- t(n - 1) * s / sqrt(n), s with
n - 1 in its denominator. One number has no interval: its bounds are nan.
"""

from collections.abc import Iterable, Sequence

import duckdb
import numpy as np
import pandas as pd
from scipy import stats

from analysis.cells import BASELINE, TASK
from analysis.statistics.paired import Interval

LEVEL = 0.95
#: The columns that `grouped` adds for each group.
ESTIMATED = ("mean", "low", "high", "n", "least", "most")


def interval(values: Iterable[float], level: float = LEVEL) -> Interval:
    """Return the mean of the values that are not nan with its t interval, to show, not to decide.

    For equal values the interval has zero width, unlike `analysis.statistics.paired.t_interval`,
    which gives nan.

    Args:
        values: independent values, one per seed.
        level: the interval's coverage, a fraction.
    """
    frame = pd.DataFrame({"value": np.fromiter(values, float)}).assign(all=0)
    if frame["value"].notna().sum() == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    row = grouped(frame, ["all"], "value", level).iloc[0]
    return Interval(float(row["mean"]), float(row["low"]), float(row["high"]), int(row["n"]))


def grouped(
    rows: pd.DataFrame | duckdb.DuckDBPyRelation,
    by: Sequence[str],
    value: str,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Return the `interval` of each group of rows.

    Args:
        rows: a row per seed and group; the rows of a relation are not loaded into memory.
        by: the columns that make the groups.
        value: the column to estimate; nan is left out and not counted.
        level: the intervals' coverage, a fraction.

    Returns:
        A row per group: `by`, `mean`, `low`, `high`, `n`, and the smallest and largest value,
        `least` and `most`. Groups of a frame come in the order of their first appearance, those of
        a relation in ascending order.
    """
    table = _of_frame(rows, by, value) if isinstance(rows, pd.DataFrame) else _of(rows, by, value)
    n = table["n"].to_numpy()
    # With one value std is nan, and so are the bounds, whatever the degrees of freedom.
    half = stats.t.ppf((1 + level) / 2, np.maximum(n - 1, 1)) * table["std"] / np.sqrt(n.clip(1))
    bounds = {"low": table["mean"] - half, "high": table["mean"] + half}
    return table.assign(**bounds)[[*by, *ESTIMATED]]


def _of_frame(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return mean, std, n, least and most per group of a frame."""
    groups = frame.groupby(list(by), sort=False, observed=True, dropna=False)[value]
    return groups.agg(mean="mean", std="std", n="count", least="min", most="max").reset_index()


def _of(relation: duckdb.DuckDBPyRelation, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return mean, std, n, least and most per group of a relation."""
    keys, known = ", ".join(by), f"nullif({value}, 'nan'::DOUBLE)"
    figures = (
        f"{keys}, favg({known}) AS mean, stddev_samp({known}) AS std, count({known}) AS n, "
        f"min({known}) AS least, max({known}) AS most"
    )
    estimates: pd.DataFrame = relation.aggregate(figures, keys).order(keys).df()
    return estimates


def differences(trials: pd.DataFrame, value: str = "test_accuracy") -> pd.DataFrame:
    """Return each trial's difference to the dense trial of the same task, which includes the seed.

    Args:
        trials: a row per trial with the trial's fields.
        value: the column to compare.

    Returns:
        The rows of the trials that have such a partner, without dense trials, and a column
        `difference`: the trial's value minus that of dense.
    """
    dense = trials.loc[trials["method"] == BASELINE, [*TASK, value]]
    others = trials[trials["method"] != BASELINE]
    pairs = others.merge(dense, on=list(TASK), suffixes=("", "_of_dense"), validate="many_to_one")
    return pairs.assign(difference=pairs[value] - pairs[f"{value}_of_dense"])
