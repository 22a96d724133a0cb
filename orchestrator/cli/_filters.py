"""Conditions on trials as they are typed: ``method=free-pruning``, ``density>=0.5``.

They are read as a column, a comparison and a value of the column's type, and nothing is ever run.
"""

import operator
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studies.errors import UserError, shown, unknown
from studies.names import canonical

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
    """A condition, not yet held against a table.

    Attributes:
        column: the name.
        comparison: a key of the comparisons.
        value: as it was typed.
    """

    column: str
    comparison: str
    value: str

    @classmethod
    def of(cls, text: str) -> "Condition":
        """A condition from what was typed.

        Raises:
            UserError: it has not the form of one.
        """
        match = _FORM.fullmatch(text)
        if match is None or not match[3]:
            raise UserError(
                f"--where {shown(text)}: give a column, one of = != < <= > >= and a value, as in "
                "--where 'density>=0.5'"
            )
        return cls(match[1].replace("-", "_"), match[2], match[3])

    def holds(self, rows: "pd.DataFrame") -> "pd.Series[bool]":
        """For each row whether the condition holds; of what is not known it does not.

        Raises:
            UserError: there is no such column, or no such value in it.
        """
        column = one_of(self.column, rows)
        value = self._typed(column, rows)
        known = rows[column].notna()
        compared = _COMPARISONS[self.comparison](rows[column].where(known, value), value)
        fits: pd.Series[bool] = known & compared
        return fits

    def _typed(self, column: str, rows: "pd.DataFrame") -> Any:
        """The value in the column's type."""
        import pandas as pd
        import pyarrow.types as kinds

        from studies.schemas import TRIALS

        kind = TRIALS.field(column).type
        if kinds.is_boolean(kind):
            if self.value.lower() not in _TRUTH:
                raise self._refused("true or false")
            return _TRUTH[self.value.lower()]
        if not kinds.is_string(kind):
            time = kinds.is_timestamp(kind)
            try:
                return pd.Timestamp(self.value, tz="UTC") if time else float(self.value)
            except ValueError:
                what = "a time, as in 2026-05-31T12:00" if time else "a number"
                raise self._refused(what) from None
        return self._name(rows[column])

    def _name(self, column: "pd.Series[str]") -> str:
        """The value among the names that a column holds."""
        if self.comparison not in ("=", "==", "!="):
            raise UserError(f"--where {self}: {self.column} holds names; compare them by = or !=")
        there = {str(value) for value in column.dropna()}
        for name in (self.value, canonical(self.value)):
            if name in there:
                return name
        raise unknown(self.column, self.value, there)

    def _refused(self, what: str) -> UserError:
        return UserError(f"--where {self}: {shown(self.value)} is not {what}")

    def __str__(self) -> str:
        return f"{self.column}{self.comparison}{self.value}"


def one_of(name: str, columns: Iterable[Hashable]) -> str:
    """The column of this name, which may be written with - for _.

    Raises:
        UserError: there is none, with the close matches.
    """
    known = [str(column) for column in columns]
    if (wanted := name.strip().replace("-", "_")) not in known:
        raise unknown("column", name, known)
    return wanted
