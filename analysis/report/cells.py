"""The table of all cells, as text."""

from typing import Any

import pandas as pd

from analysis.cells import heading, shown, varying
from analysis.estimates.summary import summary
from analysis.numbers import MISSING, counted, with_interval
from analysis.tables import Results

_FAILURES = {"diverged": "diverged", "dead": "dead", "no_accuracy": "without accuracy"}


def table_of_cells(results: Results) -> dict[str, Any]:
    """Return the headings and the rows of the table of all cells.

    A column that says nothing is left out: the difference to dense without dense training, and the
    failures without any.
    """
    cells = summary(results)
    by = varying(results)
    return {
        "headings": [heading(name) for name in by],
        "rows": [_row(cell, by) for _, cell in cells.iterrows()],
        "any_difference": bool(cells["pairs"].sum()),
        "any_failure": bool(cells[list(_FAILURES)].to_numpy().sum()),
    }


def _row(cell: pd.Series, by: list[str]) -> dict[str, Any]:
    """Return a row of the table, as text, with the numbers that columns are sorted by."""
    failures = counted({words: cell[name] for name, words in _FAILURES.items()})
    difference = _interval(cell, "difference", 2, sign=True)
    return {
        "cell": [shown(name, cell[name]) for name in by],
        "accuracy": _interval(cell, "accuracy", 2),
        "difference": f"{difference} ({cell['pairs']})" if cell["pairs"] else MISSING,
        "numbers": {name: cell[name] for name in ("accuracy", "difference", "changed")},
        "changed": _interval(cell, "changed", 1),
        "n": cell["n"],
        "planned": cell["planned"],
        "failures": failures or MISSING,
    }


def _interval(cell: pd.Series, name: str, digits: int, *, sign: bool = False) -> str:
    ends = cell[name], cell[f"{name}_low"], cell[f"{name}_high"]
    return with_interval(*ends, digits, sign=sign)
