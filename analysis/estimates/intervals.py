"""Means over seeds with t intervals, of numbers and of groups of rows.

Every interval is the two-sided 95% t interval of `analysis.statistics.paired`: one number and equal
numbers have none, and their bounds are nan.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.checks import ROUNDING
from analysis.statistics.paired import Interval, t_interval

if TYPE_CHECKING:
    import duckdb

LEVEL = 0.95
#: The digits of a relation's means and deviations that count, see `_rounded`.
_DIGITS = 12
#: The columns that `grouped` adds for each group.
ESTIMATED = ("mean", "low", "high", "n", "least", "most")


def interval(values: Iterable[float]) -> Interval:
    """Return the mean of the values that are not nan with its t interval.

    Args:
        values: independent values, one per seed.
    """
    array = np.fromiter(values, float)
    return t_interval(array[~np.isnan(array)], LEVEL)


def grouped(
    rows: "pd.DataFrame | duckdb.DuckDBPyRelation",
    by: Sequence[str],
    value: str,
) -> pd.DataFrame:
    """Return the `interval` of each group of rows.

    Args:
        rows: a row per seed and group; the rows of a relation are not loaded into memory.
        by: the columns that make the groups; those of a frame may be none, for a single group.
        value: the column to estimate; nan is left out and not counted.

    Returns:
        A row per group: `by`, `mean`, `low`, `high`, `n`, and the smallest and largest value,
        `least` and `most`. Groups of a frame come in the order of their first appearance, those of
        a relation in ascending order.
    """
    table = _of_frame(rows, by, value) if isinstance(rows, pd.DataFrame) else _of(rows, by, value)
    names = ("mean", "std", "n", "least", "most")
    mean, deviation, n, least, most = (table[name].to_numpy(float) for name in names)
    size = np.maximum(1.0, np.maximum(np.abs(least), np.abs(most)))
    # With one value the deviation is nan, and so are the bounds, whatever the degrees of freedom.
    error = np.where(most - least > ROUNDING * size, deviation, np.nan) / np.sqrt(n.clip(1))
    half = special.stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * error
    return table.assign(low=mean - half, high=mean + half)[[*by, *ESTIMATED]]


def _of_frame(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """Return mean, std, n, least and most per group of a frame."""
    keys = list(by) or np.zeros(len(frame), int)
    groups = frame.groupby(keys, sort=False, observed=True, dropna=False)[value]
    return groups.agg(mean="mean", std="std", n="count", least="min", most="max").reset_index()


def _of(relation: "duckdb.DuckDBPyRelation", by: Sequence[str], value: str) -> pd.DataFrame:
    """Return mean, std, n, least and most per group of a relation."""
    keys, known = ", ".join(by), f"nullif({value}, 'nan'::DOUBLE)"
    figures = (
        f"{keys}, favg({known}) AS mean, stddev_samp({known}) AS std, count({known}) AS n, "
        f"min({known}) AS least, max({known}) AS most"
    )
    estimates: pd.DataFrame = relation.aggregate(figures, keys).order(keys).df()
    size = estimates[["least", "most"]].abs().max(axis=1).to_numpy(float)
    rounded = {name: _rounded(estimates[name].to_numpy(float), size) for name in ("mean", "std")}
    return estimates.assign(**rounded)


def _rounded(values: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to `_DIGITS` digits of a size.

    DuckDB's threads read rows in another order each time, and the last bits of a sum depend on it.
    The same results would give figures that differ by a grey level.

    Args:
        values: the values.
        size: the size of the numbers that each was computed from; values of which it is (nearly)
            zero or not finite stay as they are.
    """
    can = np.isfinite(size) & (size > 1e-280)  # below, the factor is infinite
    factor = 10.0 ** (_DIGITS - np.ceil(np.log10(np.where(can, size, 1.0))))
    return np.where(can, np.rint(values * factor) / factor, values)
