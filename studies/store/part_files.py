"""Parts: the Parquet files of the results' tables, named after their own bytes.

`<writer>-<n>-<sha>.parquet` holds rows that a writer wrote at once. `studies.store.compaction`
replaces many parts by a merged one: its writer's name begins with `merged`, its metadata list the
parts that it replaces, and a column names for each row the part that the row was written in. So
rows that were merged twice are not counted twice.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from studies.errors import UserError
from studies.schemas import TABLES, VERSION
from studies.trial import FIELDS

#: A part with no more rows is mostly footer: compressing it takes time and saves nothing.
_FEW_ROWS = 16
#: Rows of a merged part that a reader skips or reads together.
_ROW_GROUP = 100_000
#: How hard zstd tries where parts are written once and kept.
_LEVEL = 19
#: What is said of a file that is not named like a part.
NOT_OURS = "is left out: it is no file that untuned wrote; move it away"
_NAME = re.compile(r"^[0-9a-z]+-\d+-([0-9a-f]{16})\.parquet$")
#: What bytes raise that are not a part, although their name fits.
_UNREADABLE = (pa.ArrowException, OSError, LookupError, ValueError)
#: How the name of a writer of merged parts begins; other writers' names are hex digits.
MERGED = "merged"
_REPLACES = b"untuned.replaces"
#: A column of merged parts only: the part that the row was written in.
ORIGIN = pa.field("merged_from", pa.string())


@dataclass(frozen=True)
class Part:
    """The content of an intact part.

    Attributes:
        rows: its rows, with the table's schema.
        origin: for each row of a merged part the part that the row was written in; else None.
        replaces: the parts that it replaces, see `replaces`.
        whole: whether all of its columns are known; a newer version may have added some.
    """

    rows: pa.Table
    origin: pa.ChunkedArray | None
    replaces: list[str]
    whole: bool


@dataclass(frozen=True)
class Parts:
    """The parts of a table.

    Attributes:
        where: for each intact part that was ever written the part that its rows are in now: itself
            or a merged part.
        damaged: the parts whose names do not fit their bytes.
        replaced: the parts that still exist although a merged part has their rows.
    """

    where: Mapping[str, str]
    damaged: tuple[str, ...]
    replaced: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, replacements: Mapping[str, Iterable[str] | None]) -> "Parts":
        """Find out where the rows of each part are counted.

        Args:
            replacements: for each part in a folder the parts that it replaces; None if it is
                damaged.
        """
        merged = {name: list(others) for name, others in replacements.items() if others}
        replaced = {other for others in merged.values() for other in others}
        where = {name: name for name, others in replacements.items() if others is not None}
        # If two merged parts have a part's rows, one of them counts: preferably one that is not
        # replaced itself, so these come last.
        for name in sorted(merged, key=lambda name: name not in replaced):
            where |= dict.fromkeys(merged[name], name)
        counted = set(where.values())
        damaged = (name for name, others in replacements.items() if others is None)
        return cls(
            where,
            tuple(name for name in damaged if name not in replaced),
            frozenset(name for name in replacements if name in replaced and name not in counted),
        )


def encode(table: str, rows: Iterable[dict[str, Any]]) -> bytes:
    """Return a part's bytes from rows, which have a value for each column that is not nullable."""
    arrow = pa.Table.from_pylist(list(rows), schema=TABLES[table])
    compression = "zstd" if len(arrow) > _FEW_ROWS else "none"
    # Parts are read whole, so nobody needs statistics; zstd does what dictionaries would.
    return _bytes(arrow, compression=compression, use_dictionary=False, write_statistics=False)


def encode_table(rows: pa.Table) -> bytes:
    """Return the bytes of a part that holds many trials, as small as they get.

    Losses hardly repeat; their bytes are grouped by position, of which the first ones do. All other
    columns have dictionaries.

    Args:
        rows: its rows, with their table's schema.
    """
    losses = [c.name for c in rows.schema if c.name.endswith("_loss") and c.type == pa.float64()]
    return _bytes(
        rows,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=[name for name in _leaves(rows.schema) if name not in losses],
        use_byte_stream_split=losses,
        write_statistics=False,
        row_group_size=_ROW_GROUP,
    )


def _leaves(schema: pa.Schema) -> list[str]:
    """Return the names of a schema's columns as Parquet has them."""
    return [
        f"{column.name}.list.element" if pa.types.is_list(column.type) else column.name
        for column in schema
    ]


def encode_merged(rows: pa.Table, origin: pa.ChunkedArray, replaces: Iterable[str]) -> bytes:
    """Return a merged part's bytes.

    Args:
        rows: its rows, with their table's schema.
        origin: for each row the part that the row was written in.
        replaces: the parts that the merged part replaces.
    """
    metadata = {**rows.schema.metadata, _REPLACES: json.dumps(sorted(replaces)).encode()}
    rows = rows.append_column(ORIGIN, origin)
    names = [column.name for column in rows.schema if column.type == pa.string()]
    return _bytes(
        rows.replace_schema_metadata(metadata),
        compression="zstd",
        use_dictionary=names,
        row_group_size=_ROW_GROUP,
    )


def _bytes(rows: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, **options)
    return buffer.getvalue()


def name_of(content: bytes, writer: str, number: int) -> str:
    """Return the name of a part with these bytes."""
    return f"{writer}-{number:06d}-{digest(content)}.parquet"


def is_ours(name: str) -> bool:
    """Whether a file is named like a part; another one was put there by somebody else."""
    return _NAME.match(name) is not None


def intact(name: str, content: bytes) -> bool:
    """Whether a part's name fits its bytes."""
    match = _NAME.match(name)
    return match is not None and match[1] == digest(content)


def digest(content: bytes) -> str:
    """Return the first 16 hex digits of the SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def replaces(name: str, content: bytes) -> list[str] | None:
    """Return the parts that an intact part replaces; None if they cannot be read.

    Only a merged part replaces others: of the parts that it lists, those that are merged parts
    themselves, and those whose rows it has. The rows of other listed parts are elsewhere.
    """
    if not name.startswith(MERGED):
        return []
    try:
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=[ORIGIN.name])
        listed = json.loads((file.schema_arrow.metadata or {})[_REPLACES])
        rows = file.read([ORIGIN.name], use_threads=False)[ORIGIN.name]
        origins = {name for chunk in rows.chunks for name in chunk.unique().to_pylist()}
        return [other for other in listed if other.startswith(MERGED) or other in origins]
    except MemoryError:
        raise
    except (*_UNREADABLE, AttributeError, RecursionError, TypeError):
        return None


def opened(table: str, name: str, content: bytes) -> Part | None:
    """Read an intact part; return None if it cannot be read or does not fit the table.

    Raises:
        UserError: it was written by a newer version of this project.
    """
    try:
        rows = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        version = int((rows.schema.metadata or {})[b"untuned.schema"])
        rows.validate(full=True)
        names = set(rows.column_names)
    except MemoryError:  # also an ArrowException where Arrow raises it, but the part is intact
        raise
    except _UNREADABLE:
        return None
    if version > VERSION:
        raise UserError(
            f"{table}/{name}: written by a newer untuned (schema {version}); upgrade to read it"
        )
    schema, others = TABLES[table], replaces(name, content)
    merged, has_duplicates = name.startswith(MERGED), len(names) < rows.num_columns
    if version < 1 or others is None or has_duplicates or merged != (ORIGIN.name in names):
        return None
    origin = _column(rows, ORIGIN) if merged else None
    if not rows.schema.equals(schema):
        columns = [_column(rows, column) for column in schema]
        if any(column is None for column in columns) or (merged and origin is None):
            return None
        rows = pa.table(columns, schema=schema)
    whole = names <= {*schema.names, ORIGIN.name}
    return Part(rows.replace_schema_metadata(schema.metadata), origin, others, whole)


def counted(part: Part, name: str, parts: Parts) -> tuple[pa.Table, pa.ChunkedArray]:
    """Return the rows of a part that are counted in it and in no other part, and their origins.

    If two processes merge at the same time, a part's rows may be in two merged parts.

    Args:
        part: the part.
        name: its name.
        parts: all parts of the table.
    """
    if part.origin is None:  # most parts are not merged, and need not be copied
        rows = part.rows if parts.where.get(name) == name else part.rows.slice(0, 0)
        return rows, pa.chunked_array([pa.repeat(name, len(rows))])
    origins = [origin for origin, place in parts.where.items() if place == name]
    is_counted = pc.is_in(part.origin, value_set=pa.array(origins, pa.string()))
    return part.rows.filter(is_counted), part.origin.filter(is_counted)


def _column(rows: pa.Table, column: pa.Field) -> pa.ChunkedArray | pa.Array | None:
    """Return a part's values of a column; a missing field of the trial has its default.

    None if the values have another type or lack one that every row has: then the part belongs to
    another table, since its name fits its bytes in any folder.
    """
    if column.name not in rows.column_names:
        default = FIELDS[column.name].default if column.name in FIELDS else None
        fill = None if default is MISSING else default
        return pa.array([fill] * len(rows), column.type) if column.nullable else None
    values = rows[column.name]
    fits = values.type == column.type and (column.nullable or not values.null_count)
    return values if fits else None
