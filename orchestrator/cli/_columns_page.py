"""Makes the reference of the results' columns, `docs/columns.md`, from `studies.columns`.

``python -m orchestrator.cli._columns_page`` prints the page, and `make docs` writes it.
"""

import textwrap
from collections.abc import Iterator

import pyarrow as pa

from studies.columns import TABLES, Column, Table
from studies.trial import FIELDS, REQUIRED

_HEAD = """\
# Columns

This page has all columns of the tables in `results/STUDY/`, with their types, units and meanings;
`make docs` writes it. [Results](results.md#tables) shows how to read the tables.

A column that *may be null* is null where it does not apply, and in results from before it existed.
A *provenance* column says where and how a trial ran. All other columns have the same values, to the
bit, whenever a trial runs with the same engine and library versions on the same kind of CPU.

`analysis.load` adds the column `study` to all tables. To `epochs`, `layers` and `masks` it adds the
fields of the trial and its `outcome`, and to `layers` the column `changed`, the fraction of the
layer's connections that are pruned or flipped.
"""

#: The order of the tables on the page.
_ORDER = ("trials", "epochs", "layers", "masks", "failures")
_TYPES = {
    pa.string(): "text",
    pa.int32(): "whole number",
    pa.int64(): "whole number",
    pa.float64(): "number",
    pa.bool_(): "true or false",
    pa.binary(): "bytes",
    pa.list_(pa.string()): "list of texts",
    pa.list_(pa.int32()): "list of whole numbers",
    pa.timestamp("us", tz="UTC"): "time",
}


def page() -> str:
    """Return the reference in Markdown."""
    return "\n".join([_HEAD, *(line for name in _ORDER for line in _section(name, TABLES[name]))])


def _section(name: str, table: Table) -> Iterator[str]:
    """Yield the lines on one table: what a row is, and its columns."""
    yield f"## {name}\n"
    yield f"{textwrap.fill(table.meaning, 100)}\n"
    yield "| column | type | unit | meaning | remarks |\n|---|---|---|---|---|"
    for column in table.columns:
        kind, unit = _TYPES[column.kind], column.unit
        yield f"| `{column.name}` | {kind} | {unit} | {column.meaning} | {_remarks(column)} |"
    yield ""


def _remarks(column: Column) -> str:
    """Return what else there is to say: a field's default, or whether it may be null, and so on."""
    if column.name in FIELDS and column.name not in REQUIRED:
        return f"default: `{FIELDS[column.name].default!r}`"  # which stands for null
    remarks = {"may be null": column.nullable, "provenance": column.provenance}
    return ", ".join(remark for remark, applies in remarks.items() if applies)


if __name__ == "__main__":
    print(page(), end="")
