"""Merges a study's many small parts into few large ones, which are read many times faster."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa

from studies.schemas import TABLES
from studies.store import Store, part_files
from studies.store.part_files import Part, Parts

#: Bytes of parts that are merged into one: small enough to be held and hashed whole.
MOST = 32 * 2**20


@dataclass
class _Batch:
    """Parts that become one: their names, what they replaced before, their rows and bytes."""

    names: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    rows: list[pa.Table] = field(default_factory=list)
    origins: list[pa.ChunkedArray] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, size: int, part: Part, among: Parts) -> None:
        """Take one more part; of its rows those that are counted in no other one."""
        rows, origin = part_files.counted(part, name, among)
        self.names.append(name)
        self.earlier += part.replaces
        self.rows.append(rows)
        self.origins.append(origin)
        self.size += size

    def encoded(self) -> bytes:
        """The bytes of the merged part."""
        origin = pa.chunked_array(
            [chunk for one in self.origins for chunk in one.chunks], part_files.ORIGIN.type
        )
        return part_files.encode_merged(
            pa.concat_tables(self.rows), origin, [*self.names, *self.earlier]
        )


@dataclass(frozen=True)
class Compacted:
    """What became of a table: numbers of parts.

    Attributes:
        before: that were there.
        after: that are there now.
    """

    before: int
    after: int


def compact(store: Store, most: int = MOST) -> dict[str, Compacted]:
    """Merge the parts of every table; may run beside workers, readers and itself.

    Nothing is deleted before the merged part that has its rows is visible, and whoever dies on the
    way leaves parts that the merged one replaces, which readers drop. Of `masks`, `layers` and
    `epochs` only parts that a trial names are merged: others belong to a write that is under way or
    failed.

    Args:
        store: the study's results.
        most: bytes of parts that become one.

    Raises:
        UserError: the parts cannot be listed, or were written by a newer version.
        OSError: a merged part could not be written, or not read back; what was merged before stays
            merged, and nothing is deleted of what was to be.
    """
    writer = f"{part_files.MERGED}{secrets.token_hex(6)}"
    trials = store.tables.read("trials")
    named = {
        table: set(chain.from_iterable(n or () for n in trials.rows[f"{table}_parts"].to_pylist()))
        for table in ("masks", "layers", "epochs")
    }
    of_trials = trials.parts
    del trials  # of a large study they take more memory than all that follows
    done = {}
    for table in TABLES:
        there = of_trials if table == "trials" else store.tables.parts(table)
        wanted = named.get(table, there.where.keys())
        names = {there.where[name] for name in wanted if name in there.where}
        # What a compaction left that died before it had deleted them.
        store.tables.delete(table, there.replaced)
        after = len(set(there.where.values()))
        before = after + len(there.replaced)
        batches = _batches(store, table, sorted(names), there, most)
        for number, batch in enumerate(batches, start=1):
            name = store.tables.put(table, batch.encoded(), writer, number)
            if not part_files.intact(name, store.tables.content(table, name)):
                raise OSError(f"{table}/{name}: does not read back as it was written")
            store.tables.delete(table, batch.names)
            after -= len(batch.names) - 1
        done[table] = Compacted(before, after)
    return done


def _batches(
    store: Store, table: str, names: Iterable[str], among: Parts, most: int
) -> Iterator[_Batch]:
    """Parts that belong together, at least two; one of half the size already stays alone.

    So does one with columns that are not known here: merging would lose them.
    """
    batch = _Batch()
    for name in names:
        try:
            content = store.tables.content(table, name)
        except FileNotFoundError:
            continue  # another process has merged it meanwhile
        found = (
            part_files.opened(table, name, content) if part_files.intact(name, content) else None
        )
        if found is None or not found.whole or 2 * len(content) > most:
            continue
        batch.add(name, len(content), found, among)
        if batch.size >= most and len(batch.names) > 1:
            yield batch
            batch = _Batch()
    if len(batch.names) > 1:
        yield batch
