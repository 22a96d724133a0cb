"""Conditions on trials as the user types them: ``method=free-pruning``, ``density>=0.5``.

A condition is a column, a comparison and a value of the column's type; it is never run as code.
"""

import math
import operator
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studies.errors import UserError, shown, unknown
from studies.names import canonical, number

if TYPE_CHECKING:
    import pandas as pd

_FORM = re.compile(r"\s*([\w-]+?)\s*(!=|<=|>=|==|=|<|>)\s*(.*?)\s*")
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Condition:
    """A condition on the rows of a table.

    Attributes:
        column: the column's name.
        comparison: ``=``, ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.
        value: the value as the user typed it.
    """

    column: str
    comparison: str
    value: str

    @classmethod
    def of(cls, text: str) -> "Condition":
        """Parse a condition.

        Raises:
            UserError: the text is not a condition.
        """
        match = _FORM.fullmatch(text)
        if match is None or not match[3]:
            raise UserError(
                f"--where {shown(text)}: give a column, one of = != < <= > >= and a value, as in "
                "--where 'density>=0.5'"
            )
        return cls(match[1].replace("-", "_"), match[2], match[3])

    def holds(self, rows: "pd.DataFrame") -> "pd.Series[bool]":
        """Return for each row whether the condition holds; it does not hold for missing values.

        Raises:
            UserError: the column does not exist or cannot be compared, or no row has such a value.
        """
        column = one_of(self.column, rows)
        value = self._typed(column, rows)
        known = rows[column].notna()
        compared = _COMPARISONS[self.comparison](rows[column].where(known, value), value)
        holds: pd.Series[bool] = known & compared
        return holds

    def _typed(self, column: str, rows: "pd.DataFrame") -> Any:
        """Return the value in the column's type."""
        import pandas as pd
        import pyarrow.types as kinds

        from studies.schemas import TRIALS

        kind = TRIALS.field(column).type
        if kinds.is_boolean(kind):
            if self.value.lower() not in _TRUTH:
                raise self._refused("true or false")
            return _TRUTH[self.value.lower()]
        if kinds.is_string(kind):
            return self._name(rows[column])
        time = kinds.is_timestamp(kind)
        if not (time or kinds.is_integer(kind) or kinds.is_floating(kind)):
            raise UserError(
                f"--where {self}: {column} holds lists or bytes, which have no order; give "
                "another column"
            )
        try:
            value = pd.Timestamp(self.value, tz="UTC") if time else _number(self.value)
        except ValueError:
            value = math.nan
        if pd.isna(value):
            raise self._refused("a time, as in 2026-05-31T12:00" if time else "a number")
        return value

    def _name(self, column: "pd.Series[str]") -> str:
        """Return the name in the column that the value stands for."""
        if self.comparison not in ("=", "==", "!="):
            raise UserError(f"--where {self}: {self.column} holds names; compare them with = or !=")
        names = {str(value) for value in column.dropna()}
        for name in (self.value, canonical(self.value)):
            if name in names:
                return name
        raise unknown(self.column, self.value, names)

    def _refused(self, expected: str) -> UserError:
        return UserError(f"--where {self}: {shown(self.value)} is not {expected}")

    def __str__(self) -> str:
        return f"{self.column}{self.comparison}{self.value}"


def _number(text: str) -> float:
    """Return a number; a whole one exactly, since seeds may be larger than floats are exact.

    Raises:
        ValueError: the text is none.
    """
    value = number(text)
    return int(text) if re.fullmatch("[-+]?[0-9]+", text) and math.isfinite(value) else value


def one_of(name: str, columns: Iterable[Hashable]) -> str:
    """Return the column of this name, in which the user can write - for _.

    Raises:
        UserError: there is no such column; the message lists close matches.
    """
    known = [str(column) for column in columns]
    if (column_name := name.strip().replace("-", "_")) not in known:
        raise unknown("column", name, known)
    return column_name
