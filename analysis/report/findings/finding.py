"""A finding: a question, sentences, a table. And how numbers and their uncertainty are said."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.cells import heading, shown
from analysis.numbers import MISSING, mean_and_half, span

#: A table's entry: its text, and the number that a column is sorted by; None for a name.
Entry = tuple[str, float | None]


@dataclass(frozen=True)
class Finding:
    """A section of the report.

    Attributes:
        figure: the figure that shows it; also its name.
        title: the question in a few words.
        sentences: what came out.
        headings: of the table.
        rows: of the table.
        note: how the table is to be read.
    """

    figure: str
    title: str
    sentences: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str


def name(field: str, value: object) -> Entry:
    """An entry that names something: a field's value."""
    return shown(field, value), None


def percent(row: pd.Series, digits: int = 1, *, sign: bool = False) -> Entry:
    """An entry ``97.4 ± 0.3`` from a row of `grouped`, fractions in percent or points."""
    if not row["n"] or pd.isna(row["mean"]):
        return MISSING, float("nan")
    return mean_and_half(row["mean"], row["high"], digits, sign=sign), float(row["mean"])


def seeds(row: pd.Series) -> Entry:
    """An entry with the number of seeds."""
    return str(int(row["n"])), float(row["n"])


def headings(fields: Sequence[str]) -> list[str]:
    """Headings of columns with fields."""
    return [heading(field) for field in fields]


def level(table: pd.DataFrame, digits: int = 1) -> str:
    """``38.0 ± 1.2%``, or ``38.0 to 41.2%`` over several settings.

    Args:
        table: rows of `grouped`, one per setting.
        digits: after the point.
    """
    if len(table) == 1:
        return f"{percent(table.iloc[0], digits)[0]}%"
    return f"{span(table['mean'], digits)}%"


def difference(table: pd.DataFrame, digits: int = 1) -> str:
    """A difference in points, and on which side of zero its 95% intervals lie.

    Args:
        table: rows of `grouped`, one per setting, of differences.
        digits: after the point.

    Returns:
        Such as ``−2.1 ± 0.4 points (below zero)``; "no pair" without any.
    """
    known = table[table["n"] > 0]
    if known.empty:
        return "no pair"
    if len(known) == 1:
        row = known.iloc[0]
        return f"{percent(row, digits, sign=True)[0]} points ({_side(row)})"
    sides = pd.Series([_side(row) for _, row in known.iterrows()]).value_counts(sort=False)
    told = ", ".join(f"{side} in {count}" for side, count in sides.items())
    return f"{span(known['mean'], digits, sign=True)} points ({told} of {len(known)} settings)"


def _side(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return "one seed"
    if row["low"] > 0:
        return "above zero"
    return "below zero" if row["high"] < 0 else "zero not excluded"


def of_method(rows: pd.DataFrame, method: Hashable, **wanted: object) -> pd.DataFrame:
    """The rows of a method, with these values in these columns."""
    chosen = rows[rows["method"] == method]
    for column, value in wanted.items():
        chosen = chosen[chosen[column] == value]
    return chosen
