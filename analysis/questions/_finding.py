"""A finding: sentences and a table; and how numbers with intervals are formatted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from analysis.cells import heading, shown
from analysis.numbers import MISSING, span, with_interval


class Entry(NamedTuple):
    """An entry of a table.

    Attributes:
        text: what it says.
        value: the number that its column is sorted by; None for a name.
        below: smaller words below it.
        wraps: whether a name may have several lines.
    """

    text: str
    value: float | None = None
    below: str = ""
    wraps: bool = False


@dataclass(frozen=True)
class Finding:
    """The answer to a question, beside its figure.

    Attributes:
        sentences: the answer.
        headings: the table's headings.
        rows: the table's rows.
        note: how to read the table.
    """

    sentences: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str

    @property
    def heads(self) -> tuple[tuple[str, str], ...]:
        """The table's headings, each with the words below it, of which there are none."""
        return tuple((text, "") for text in self.headings)


def name(field: str, value: object) -> Entry:
    """Return an entry that shows a field's value."""
    return Entry(shown(field, value))


def percent(row: pd.Series, digits: int = 1, *, sign: bool = False) -> Entry:
    """Return an entry ``97.4 [97.1, 97.7]`` of a row of `grouped`, in percent or points."""
    if not row["n"] or pd.isna(row["mean"]):
        return Entry(MISSING, float("nan"))
    ends = row["mean"], row["low"], row["high"]
    return Entry(with_interval(*ends, digits, sign=sign), float(row["mean"]))


def seed_count(row: pd.Series) -> Entry:
    """Return an entry with the number of seeds."""
    return Entry(str(int(row["n"])), float(row["n"]))


def table_rows(
    by: Sequence[str],
    names: Sequence[str],
    *columns: tuple[pd.DataFrame, Callable[[pd.Series], Entry]],
) -> tuple[tuple[Entry, ...], ...]:
    """Return the rows of a finding's table.

    Args:
        by: the fields whose values come first, columns of the first frame.
        names: further columns of the first frame whose texts come next.
        columns: for each further column a frame, all with the same rows in the same order, and the
            function that makes an entry of its row.
    """
    frames, entries = zip(*columns, strict=True)
    return tuple(
        (
            *(name(field, rows[0][field]) for field in by),
            *(Entry(rows[0][column]) for column in names),
            *(entry(row) for entry, row in zip(entries, rows, strict=True)),
        )
        for rows in zip(*([row for _, row in frame.iterrows()] for frame in frames), strict=True)
    )


def headings(fields: Sequence[str]) -> list[str]:
    """Return the headings of columns that show fields."""
    return [heading(field) for field in fields]


def level(table: pd.DataFrame) -> str:
    """Return ``38.0% [36.8, 39.2]``, or ``38.0 to 41.2%`` for several cells.

    Args:
        table: rows of `grouped`, one per cell.
    """
    if len(table) == 1:
        mean, mark, interval = percent(table.iloc[0])[0].partition(" ")
        return f"{mean}%{mark}{interval}"
    return f"{span(table['mean'], 1)}%"


def difference(table: pd.DataFrame) -> str:
    """Return a difference in points, and on which side of zero its 95% intervals lie.

    Args:
        table: rows of `grouped`, one per cell, of differences.

    Returns:
        Such as ``−2.1 [−2.5, −1.7] points (interval below zero)``; "no pair" for an empty table.
    """
    paired = table[table["n"] > 0]
    if paired.empty:
        return "no pair"
    if len(paired) == 1:
        row = paired.iloc[0]
        return f"{percent(row, sign=True)[0]} points ({_side(row)})"
    counts = pd.Series([_side(row) for _, row in paired.iterrows()]).value_counts(sort=False)
    sides = ", ".join(f"{side} in {count}" for side, count in counts.items())
    return f"{span(paired['mean'], 1, sign=True)} points ({sides} of {len(paired)} cells)"


def _side(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return "one seed, no interval" if row["n"] == 1 else "all seeds equal, no interval"
    if row["low"] > 0:
        return "interval above zero"
    return "interval below zero" if row["high"] < 0 else "interval includes zero"
