"""One thing at a time: the trials along each field that a study varies, all else fixed."""

from collections.abc import Sequence

import pandas as pd

from studies.trial import FIELDS


def one_at_a_time(rows: pd.DataFrame, fields: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """For each field with several values, the rows along it at one place of the other fields.

    The place with the most values of the field; of several the one with the most defaults, then
    the one with the largest values.

    Args:
        rows: a row per trial with the fields.
        fields: numbers that may be varied.

    Returns:
        The fields that are varied anywhere with all others the same, each with its rows.
    """
    found = []
    for field in fields:
        others = [name for name in fields if name != field]
        places = [own for _, own in rows.groupby(others, sort=False)]
        if not places:
            continue
        own = max(places, key=lambda place: (_values(place, field), *_rank(place, others)))
        if _values(own, field) > 1:
            found.append((field, own))
    return found


def _values(rows: pd.DataFrame, field: str) -> int:
    return int(rows[field].nunique())


def _rank(place: pd.DataFrame, names: Sequence[str]) -> tuple[float, ...]:
    values = [float(place[name].iloc[0]) for name in names]
    defaults = sum(FIELDS[n].default == v for n, v in zip(names, values, strict=True))
    return (defaults, *values)
