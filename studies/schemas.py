"""The Arrow schemas of the results' tables, made of `studies.columns`.

Version 1. A nullable column may be added without a new version; any other change needs one, and a
reader refuses results of a newer version than its own. The columns of `PROVENANCE` say where and
how a trial ran. All others are science: they have the same values to the bit, wherever and however
often a trial runs with the same engine and library versions on a CPU.
"""

import pyarrow as pa

from studies import columns

VERSION = 1

#: The names of the figures that are measured after an epoch, in the tables `epochs` and `trials`.
FIGURES = tuple(column.name for column in columns.FIGURES)
#: The names of the columns of `trials` with the accuracies of a mask elsewhere.
CONTROLS = tuple(column.name for column in columns.CONTROLS)


def _schema(table: columns.Table) -> pa.Schema:
    fields = [column.field for column in table.columns]
    return pa.schema(fields, metadata={"untuned.schema": str(VERSION)})


TABLES: dict[str, pa.Schema] = {name: _schema(table) for name, table in columns.TABLES.items()}
MASKS, LAYERS, EPOCHS, TRIALS, FAILURES = TABLES.values()

#: Columns that say where and how a trial ran; they may differ between two runs of one trial.
PROVENANCE = frozenset(
    column.name
    for table in columns.TABLES.values()
    for column in table.columns
    if column.provenance
)


def science(table: str) -> list[str]:
    """Return the columns of a table that must be the same to the bit in every run."""
    return [name for name in TABLES[table].names if name not in PROVENANCE]
