"""Parts: the Parquet files of the results' tables, named after their own bytes.

`<writer>-<n>-<sha>.parquet` holds the rows that a writer wrote at once. `studies.store.compaction`
replaces many parts by a merged one, whose writer's name begins with `merged` and whose metadata
list what it replaces. In a column of its own it keeps the part that each row was written in, so
that rows that were merged twice are told apart from rows that are there once.
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

#: Parts of no more rows are mostly footer: compressing them takes time and saves nothing.
_FEW_ROWS = 16
#: Rows that a reader of a merged part may skip or take together.
_ROW_GROUP = 100_000
_NAME = re.compile(r"^[0-9a-z]+-\d+-([0-9a-f]{16})\.parquet$")
#: What is raised for bytes that are no part, although they are named after themselves.
_UNREADABLE = (pa.ArrowException, OSError, LookupError, ValueError)
#: What the name of a writer of merged parts begins with; other writers' are of hex digits.
MERGED = "merged"
_REPLACES = b"untuned.replaces"
#: Of a merged part: the part that the row was written in.
ORIGIN = pa.field("merged_from", pa.string())


@dataclass(frozen=True)
class Part:
    """An intact part, read.

    Attributes:
        rows: under the table's schema.
        origin: of a merged part, per row the part that it was written in.
        replaces: the parts that it replaces, see `replaces`.
        whole: whether all of its columns are known here; a newer version may have added some.
    """

    rows: pa.Table
    origin: pa.ChunkedArray | None
    replaces: list[str]
    whole: bool


@dataclass(frozen=True)
class Parts:
    """The parts of a table.

    Attributes:
        where: for each intact part that was ever written the part that its rows are in now: itself,
            or a merged one.
        damaged: the names of those whose bytes are not what they are named after.
        replaced: parts that are still there although a merged one has their rows.
    """

    where: Mapping[str, str]
    damaged: tuple[str, ...]
    replaced: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, found: Mapping[str, Iterable[str] | None]) -> "Parts":
        """Sort out what replaces what.

        Args:
            found: for each part of a folder what it replaces, None for a damaged one.
        """
        merged = {name: list(others) for name, others in found.items() if others}
        replaced = {other for others in merged.values() for other in others}
        where = {name: name for name, others in found.items() if others is not None}
        # Of two merged parts that both have a part's rows one counts, rather one that is not
        # replaced.
        for name in sorted(merged, key=lambda name: name not in replaced):
            where |= dict.fromkeys(merged[name], name)
        counted = set(where.values())
        damaged = (name for name, others in found.items() if others is None)
        return cls(
            where,
            tuple(name for name in damaged if name not in replaced),
            frozenset(name for name in found if name in replaced and name not in counted),
        )


def encode(table: str, rows: Iterable[dict[str, Any]]) -> bytes:
    """A part's bytes from rows, a value for each column that is not nullable."""
    arrow = pa.Table.from_pylist(list(rows), schema=TABLES[table])
    compression = "zstd" if len(arrow) > _FEW_ROWS else "none"
    # Whole parts are read, so statistics serve nobody; zstd does what dictionaries would.
    return _bytes(arrow, compression=compression, use_dictionary=False, write_statistics=False)


def encode_merged(rows: pa.Table, origin: pa.ChunkedArray, replaces: Iterable[str]) -> bytes:
    """A merged part's bytes from rows under their table's schema, and the parts it replaces."""
    about = {**rows.schema.metadata, _REPLACES: json.dumps(sorted(replaces)).encode()}
    rows = rows.append_column(ORIGIN, origin)
    names = [about.name for about in rows.schema if about.type == pa.string()]
    return _bytes(
        rows.replace_schema_metadata(about),
        compression="zstd",
        use_dictionary=names,
        row_group_size=_ROW_GROUP,
    )


def _bytes(rows: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, **options)
    return buffer.getvalue()


def name_of(content: bytes, writer: str, number: int) -> str:
    """The name of a part with these bytes."""
    return f"{writer}-{number:06d}-{digest(content)}.parquet"


def intact(name: str, content: bytes) -> bool:
    """Whether a part's bytes are what it is named after."""
    named = _NAME.match(name)
    return bool(named) and named[1] == digest(content)  # type: ignore[index]


def digest(content: bytes) -> str:
    """The first 16 hex digits of the SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def replaces(name: str, content: bytes) -> list[str] | None:
    """The parts that an intact part replaces; none unless it is a merged one.

    Of those that it lists the merged ones, and those whose rows it has: what it has no rows of is
    in another part, whatever it says. None for one that says nothing that can be understood.
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
    """An intact part's rows, or None where they cannot be read or are not the table's.

    Raises:
        UserError: it was written by a newer version of this project.
    """
    try:
        rows = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        version = int((rows.schema.metadata or {})[b"untuned.schema"])
        rows.validate(full=True)
        found = set(rows.column_names)
    except MemoryError:  # Arrow's own is an ArrowException; the part is whole
        raise
    except _UNREADABLE:
        return None
    if version > VERSION:
        raise UserError(
            f"{table}/{name}: written by a newer untuned (schema {version}); upgrade to read it"
        )
    schema, others = TABLES[table], replaces(name, content)
    merged, twice = name.startswith(MERGED), len(found) < rows.num_columns
    if version < 1 or others is None or twice or merged != (ORIGIN.name in found):
        return None
    origin = _column(rows, ORIGIN) if merged else None
    if not rows.schema.equals(schema):
        columns = [_column(rows, about) for about in schema]
        if any(column is None for column in columns) or (merged and origin is None):
            return None
        rows = pa.table(columns, schema=schema)
    whole = found <= {*schema.names, ORIGIN.name}
    return Part(rows.replace_schema_metadata(schema.metadata), origin, others, whole)


def counted(part: Part, name: str, among: Parts) -> tuple[pa.Table, pa.ChunkedArray]:
    """The rows of a part that are counted there and in no other part, and their origins.

    Where two processes merged at once, one part's rows may stand in two merged ones.
    """
    if part.origin is None:  # most are as they were written, and are not copied
        rows = part.rows if among.where.get(name) == name else part.rows.slice(0, 0)
        return rows, pa.chunked_array([pa.repeat(name, len(rows))])
    here = [origin for origin, place in among.where.items() if place == name]
    kept = pc.is_in(part.origin, value_set=pa.array(here, pa.string()))
    return part.rows.filter(kept), part.origin.filter(kept)


def _column(rows: pa.Table, about: pa.Field) -> pa.ChunkedArray | pa.Array | None:
    """A column of its field's type; a trial's field that is not there has its default.

    None where it is of another type, or lacks values that every row has: so is a part of another
    table, whose name is that of its bytes in any folder.
    """
    if about.name not in rows.column_names:
        default = FIELDS[about.name].default if about.name in FIELDS else None
        fill = None if default is MISSING else default
        return pa.array([fill] * len(rows), about.type) if about.nullable else None
    column = rows[about.name]
    fits = column.type == about.type and (about.nullable or not column.null_count)
    return column if fits else None
