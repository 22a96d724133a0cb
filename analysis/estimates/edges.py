"""Edges of a grid of values: does the last step still gain?

The best value of a grid may lie beyond its end. An end counts as an edge only if the step to it
gains: if the 95% lower bound of the accuracy there minus that at the neighbouring value, paired by
seed, is above zero. Then the grid has to be extended before anything is decided.
"""

import math

import pandas as pd

from analysis.estimates.pairing import pair
from analysis.statistics.paired import t_interval

#: The level of the interval whose lower bound is one-sided at 95%.
_LEVEL = 0.90


def edges(rows: pd.DataFrame, field: str, value: str) -> list[float]:
    """Return the ends of a field's values at which the step to the end gains.

    Args:
        rows: rows with `field` (a number), `seed` and `value`; one per value and seed. A number
            that is nan may be anywhere in the grid, so an end must gain over it as well.
        field: the field whose values make the grid.
        value: the accuracy.

    Returns:
        None, one or both of the smallest and the largest value; nan if the step to the number that
        may be anywhere gains from each of the others, so that it may be such an end.
    """
    known = rows[rows[value].notna()]
    values = sorted(known[field].dropna().unique())
    anywhere = [math.nan] if known[field].isna().any() else []
    if len(values) + len(anywhere) < 2:
        return []
    steps = dict.fromkeys(anywhere, values)
    beside = {values[0]: values[1:2], values[-1]: values[-2:-1]} if values else {}
    steps |= {end: [*neighbour, *anywhere] for end, neighbour in beside.items()}
    return [
        end
        for end, others in steps.items()
        if all(gains(known, field, end, other, value) for other in others)
    ]


def gains(rows: pd.DataFrame, field: str, end: float, neighbour: float, value: str) -> bool:
    """Return whether the step from a neighbouring value to an end gains, by its lower bound."""
    at = rows[field]
    at_end, beside = (rows[at.isna() if math.isnan(v) else at == v] for v in (end, neighbour))
    return t_interval(pair(at_end, beside, ["seed"], value)["difference"], _LEVEL).low > 0
