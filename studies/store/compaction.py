"""Merges a study's many small parts into a few large ones, which are read many times faster."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa

from studies.schemas import TABLES
from studies.store import Store, part_files
from studies.store.part_files import Part, Parts

#: Bytes of parts that are merged into one: few enough to be in memory and hashed at once.
MOST = 32 * 2**20


@dataclass
class _Batch:
    """Parts that become one.

    Attributes:
        names: their names.
        earlier: the parts that they replace themselves.
        rows: the rows of each.
        origins: for each the parts that its rows were written in.
        size: their bytes in all.
    """

    names: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    rows: list[pa.Table] = field(default_factory=list)
    origins: list[pa.ChunkedArray] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, size: int, part: Part, parts: Parts) -> None:
        """Add a part, with those of its rows that are counted in it and in no other part."""
        rows, origin = part_files.counted(part, name, parts)
        self.names.append(name)
        self.earlier += part.replaces
        self.rows.append(rows)
        self.origins.append(origin)
        self.size += size

    def encoded(self) -> bytes:
        """Return the bytes of the merged part."""
        origin = pa.chunked_array(
            [chunk for origin in self.origins for chunk in origin.chunks], part_files.ORIGIN.type
        )
        return part_files.encode_merged(
            pa.concat_tables(self.rows), origin, [*self.names, *self.earlier]
        )


@dataclass(frozen=True)
class Compacted:
    """The number of parts of a table.

    Attributes:
        before: before the compaction.
        after: after it.
    """

    before: int
    after: int


def compact(store: Store, most: int = MOST) -> dict[str, Compacted]:
    """Merge the parts of every table; may run beside workers, readers and other compactions.

    A part is deleted only when the merged part with its rows is visible. A compaction that dies
    leaves parts that a merged one replaces; readers ignore them. In `masks`, `layers` and `epochs`
    only parts that a trial names are merged: others belong to a write that is in progress or has
    failed.

    Args:
        store: the study's results.
        most: bytes of parts that are merged into one.

    Returns:
        The number of parts of each table, before and after.

    Raises:
        UserError: the parts cannot be listed, or were written by a newer version.
        OSError: a merged part could not be written or read back. Earlier merged parts stay, and
            the parts that this one was to replace are not deleted.
    """
    writer = f"{part_files.MERGED}{secrets.token_hex(6)}"
    trials = store.tables.read("trials")
    named = {
        table: set(chain.from_iterable(n or () for n in trials.rows[f"{table}_parts"].to_pylist()))
        for table in ("masks", "layers", "epochs")
    }
    parts_of_trials = trials.parts
    del trials  # of a large study they take more memory than all that follows
    counts = {}
    for table in TABLES:
        parts = parts_of_trials if table == "trials" else store.tables.parts(table)
        origins = named.get(table, parts.where.keys())
        names = {parts.where[origin] for origin in origins if origin in parts.where}
        # An earlier compaction died before it could delete these.
        store.tables.delete(table, parts.replaced)
        after = len(set(parts.where.values()))
        before = after + len(parts.replaced)
        batches = _batches(store, table, sorted(names), parts, most)
        for number, batch in enumerate(batches, start=1):
            name = store.tables.put(table, batch.encoded(), writer, number)
            if not part_files.intact(name, store.tables.content(table, name)):
                raise OSError(f"{table}/{name}: does not read back as it was written")
            store.tables.delete(table, batch.names)
            after -= len(batch.names) - 1
        counts[table] = Compacted(before, after)
    return counts


def _batches(
    store: Store, table: str, names: Iterable[str], parts: Parts, most: int
) -> Iterator[_Batch]:
    """Yield the parts to merge, at least two at a time.

    A part that already has half the bytes of a merged one is left out. So is a part with columns
    that this version does not know: merging would lose them.
    """
    batch = _Batch()
    for name in names:
        try:
            content = store.tables.content(table, name)
        except FileNotFoundError:
            continue  # another process has merged it meanwhile
        part = part_files.opened(table, name, content) if part_files.intact(name, content) else None
        if part is None or not part.whole or 2 * len(content) > most:
            continue
        batch.add(name, len(content), part, parts)
        if batch.size >= most and len(batch.names) > 1:
            yield batch
            batch = _Batch()
    if len(batch.names) > 1:
        yield batch
