"""One field at a time: the trials along each field that a study varies, with all others fixed."""

from collections.abc import Sequence

import pandas as pd

from studies.trial import FIELDS


def one_at_a_time(rows: pd.DataFrame, fields: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows along each field with several values, with the other fields fixed.

    The other fields are fixed where the field has the most values; among such places at the one
    with the most defaults, then at the one with the largest values.

    Args:
        rows: a row per trial with the fields.
        fields: numeric fields that may vary.

    Returns:
        The fields that vary somewhere with all others the same, each with its rows.
    """
    lines = []
    for field in fields:
        others = [name for name in fields if name != field]
        places = [place for _, place in rows.groupby(others, sort=False)]
        if not places:
            continue
        line = max(places, key=lambda place: (_values(place, field), *_rank(place, others)))
        if _values(line, field) > 1:
            lines.append((field, line))
    return lines


def _values(rows: pd.DataFrame, field: str) -> int:
    return int(rows[field].nunique())


def _rank(place: pd.DataFrame, names: Sequence[str]) -> tuple[float, ...]:
    values = [float(place[name].iloc[0]) for name in names]
    defaults = sum(FIELDS[n].default == v for n, v in zip(names, values, strict=True))
    return (defaults, *values)
