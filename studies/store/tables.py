"""The tables of a study's results: Parquet parts, written whole and read where they are intact."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.dataset as ds

from studies.errors import UserError
from studies.schemas import TABLES
from studies.store import filesystems, part_files
from studies.store.folder import Folder
from studies.store.part_files import Part, Parts

#: How many parts are read at the same time.
_READERS = 8
#: How often a listing is tried whose parts are moved meanwhile.
_LISTINGS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Contents:
    """What a table holds.

    Attributes:
        rows: the rows of all intact parts; a last column `part` names the part of each.
        parts: which parts those are, and which are damaged.
    """

    rows: pa.Table
    parts: Parts


class Tables:
    """The tables in a study's folder.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, table: str, rows: Iterable[dict[str, Any]], writer: str, number: int) -> str:
        """Write rows of a table as one part and return the part's name.

        Args:
            table: one of `schemas.TABLES`.
            rows: the rows, a value for each column that is not nullable.
            writer: a name that no other writer has, of digits and lower-case letters.
            number: of the part, counted by the writer.

        Raises:
            OSError: the part could not be written; nothing of it is visible then.
        """
        return self.put(table, part_files.encode(table, rows), writer, number)

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        kept: dict[str, Part | None] | None = None,
    ) -> Contents:
        """Read all intact parts of a table.

        Args:
            table: one of `schemas.TABLES`.
            columns: those that are wanted; all if not given.
            kept: what was read before with the same columns, which is not read again; it is
                brought up to date. For those who look again and again.

        Raises:
            UserError: a part was written by a newer version of this project.
        """
        wanted = list(columns or TABLES[table].names)

        def opened(name: str, content: bytes) -> Part | None:
            part = part_files.opened(table, name, content)
            return part and replace(part, rows=part.rows.select(wanted))

        found = self._each(table, opened, kept or {})
        if kept is not None:
            kept.clear()
            kept.update(found)
        parts = Parts.of({n: part.replaces if part else None for n, part in found.items()})
        counted = {
            name: part_files.counted(part, name, parts)[0] for name, part in found.items() if part
        }
        tables = [
            rows.append_column("part", pa.repeat(name, len(rows))) for name, rows in counted.items()
        ]
        empty = TABLES[table].empty_table().select(wanted)
        empty = empty.append_column("part", pa.array([], pa.string()))
        return Contents(pa.concat_tables([empty, *tables]), parts)

    def parts(self, table: str) -> Parts:
        """A table's intact and damaged parts, whose rows are not read.

        Raises:
            UserError: the parts cannot be listed or read just now.
        """
        return Parts.of(self._each(table, part_files.replaces, {}))

    def dataset(self, table: str, names: Iterable[str]) -> ds.Dataset:
        """Parts as an Arrow data set, whose rows are read when asked.

        Columns beside the table's own: `part`, and `merged_from` as `part_files.ORIGIN` has it,
        null in a part that is not merged.
        """
        schema = TABLES[table].append(part_files.ORIGIN).append(pa.field("part", pa.string()))
        return self._folder.dataset(table, names, schema.remove_metadata())

    def content(self, table: str, name: str) -> bytes:
        """A part's bytes.

        Raises:
            OSError: it cannot be read, or is not there any more.
        """
        return self._folder.get(f"{table}/{name}")

    def put(self, table: str, content: bytes, writer: str, number: int) -> str:
        """Write a part's bytes and return its name; see `write`."""
        name = part_files.name_of(content, writer, number)
        # What replaces others has to outlast a power cut before they are deleted.
        self._folder.put(f"{table}/{name}", content, lasting=writer.startswith(part_files.MERGED))
        return name

    def delete(self, table: str, names: Iterable[str]) -> None:
        """Delete parts whose rows are in a merged one; some may be gone already."""
        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(lambda name: self._delete(f"{table}/{name}"), names))

    def _delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._folder.delete(path)

    def set_aside(self, table: str, part: str) -> None:
        """Move a damaged part to where no reader looks; it is kept for whoever wants to see it."""
        self._folder.move(f"{table}/{part}", f"_damaged/{table}-{part}")

    def _each(
        self, table: str, use: Callable[[str, bytes], T | None], kept: Mapping[str, T | None]
    ) -> dict[str, T | None]:
        """What is made of each part's name and bytes, None where they do not belong together.

        No more than a few parts' bytes are held at a time, whatever the table's size. A part's
        bytes never change: what was made of it before, `kept`, still holds.
        """
        with ThreadPoolExecutor(_READERS) as pool:
            for _ in range(_LISTINGS):
                names = self._folder.names(table, ".parquet")
                new = [name for name in names if name not in kept]
                try:
                    made = list(pool.map(lambda name: self._load(table, name, use), new))
                except FileNotFoundError:
                    continue  # another process has moved a part since the listing
                found = dict(zip(new, made, strict=True))
                return {name: found[name] if name in found else kept[name] for name in names}
        where = self._folder.place(table)
        raise UserError(f"results {where}: parts keep disappearing; try again later")

    def _load(self, table: str, name: str, use: Callable[[str, bytes], T | None]) -> T | None:
        """What is made of a part, None if its bytes are not what it is named after.

        A part that cannot be read just now is not damaged, and must not be set aside.
        """
        try:
            content = self._folder.get(f"{table}/{name}")
        except FileNotFoundError:
            raise
        except OSError as error:
            where, why = self._folder.place(f"{table}/{name}"), filesystems.reason(error)
            raise UserError(f"results {where}: cannot be read ({why}); try again") from None
        return use(name, content) if part_files.intact(name, content) else None
