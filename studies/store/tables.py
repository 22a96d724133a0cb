"""The tables of a study's results: Parquet parts, written whole and read if they are intact."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

import studies.store.filesystems as filesystems
import studies.store.part_files as part_files
from studies.errors import UserError
from studies.schemas import TABLES
from studies.store.folder import Folder
from studies.store.part_files import Part, Parts

if TYPE_CHECKING:
    import pyarrow.dataset as ds

#: Number of parts that are read at the same time.
_READERS = 8
#: How often a table is listed again whose parts were moved meanwhile.
_LISTINGS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Contents:
    """A table as it was read.

    Attributes:
        rows: the rows of all intact parts; a last column `part` names the part of each row.
        parts: the table's parts, intact and damaged.
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
            number: the number of the part, counted by the writer.

        Raises:
            OSError: the part could not be written; nothing of it is visible.
        """
        return self.put(table, part_files.encode(table, rows), writer, number)

    def write_rows(self, table: str, rows: pa.Table, writer: str) -> str:
        """Write the rows of many trials as one part and return the part's name; see `write`.

        Args:
            table: one of `schemas.TABLES`.
            rows: the rows, with the table's schema.
            writer: the writer's name; the same rows under the same name are the same part.
        """
        return self.put(table, part_files.encode_table(rows), writer, 1)

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        kept: dict[str, Part | None] | None = None,
    ) -> Contents:
        """Read all intact parts of a table.

        Args:
            table: one of `schemas.TABLES`.
            columns: the columns to return; all if not given.
            kept: the parts that earlier calls with the same columns have read, by name; they are
                not read again. Updated with the parts of this call. For repeated reading.

        Raises:
            UserError: a part was written by a newer version of this project.
        """
        selected = list(columns or TABLES[table].names)

        def opened(name: str, content: bytes) -> Part | None:
            part = part_files.opened(table, name, content)
            return part and replace(part, rows=part.rows.select(selected))

        by_name = self._each(table, opened, kept or {})
        if kept is not None:
            kept.clear()
            kept.update(by_name)
        parts = Parts.of({name: part.replaces if part else None for name, part in by_name.items()})
        counted = {
            name: part_files.counted(part, name, parts)[0] for name, part in by_name.items() if part
        }
        tables = [
            rows.append_column("part", pa.repeat(name, len(rows))) for name, rows in counted.items()
        ]
        columns = [TABLES[table].field(name) for name in selected]
        schema = pa.schema([*columns, pa.field("part", pa.string())], TABLES[table].metadata)
        # Not `empty_table`, which imports pandas.
        empty = pa.Table.from_batches([], schema)
        return Contents(pa.concat_tables([empty, *tables]), parts)

    def parts(self, table: str) -> Parts:
        """Return a table's parts, intact and damaged, without reading their rows.

        Raises:
            UserError: the parts cannot be listed or read at the moment.
        """
        return Parts.of(self._each(table, part_files.replaces, {}))

    def dataset(self, table: str, names: Iterable[str]) -> "ds.Dataset":
        """Return parts as an Arrow data set, without reading their rows.

        It has two columns more than the table: `part`, and `merged_from` (see `part_files.ORIGIN`),
        which is null in a part that is not merged.
        """
        schema = TABLES[table].append(part_files.ORIGIN).append(pa.field("part", pa.string()))
        return self._folder.dataset(table, names, schema.remove_metadata())

    def content(self, table: str, name: str) -> bytes:
        """Return a part's bytes.

        Raises:
            OSError: it cannot be read, or no longer exists.
        """
        return self._folder.get(f"{table}/{name}")

    def put(self, table: str, content: bytes, writer: str, number: int) -> str:
        """Write a part's bytes and return its name; see `write`."""
        name = part_files.name_of(content, writer, number)
        # A merged part must survive a power cut before the parts that it replaces are deleted.
        self._folder.put(f"{table}/{name}", content, lasting=writer.startswith(part_files.MERGED))
        return name

    def delete(self, table: str, names: Iterable[str]) -> None:
        """Delete parts whose rows are in a merged part; some may already be deleted."""
        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(lambda name: self._delete(f"{table}/{name}"), names))

    def _delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._folder.delete(path)

    def set_aside(self, table: str, part: str) -> None:
        """Move a damaged part to where no reader looks; it is kept so that it can be examined."""
        self._folder.move(f"{table}/{part}", f"_damaged/{table}-{part}")

    def _each(
        self, table: str, use: Callable[[str, bytes], T | None], kept: Mapping[str, T | None]
    ) -> dict[str, T | None]:
        """Call a function with the name and bytes of each part of a table.

        Only a few parts' bytes are in memory at a time, whatever the table's size.

        Args:
            table: the table.
            use: the function.
            kept: earlier results, which still hold, since a part's bytes never change.

        Returns:
            By the part's name the function's result; None for a damaged part.
        """
        with ThreadPoolExecutor(_READERS) as pool:
            for _ in range(_LISTINGS):
                names = self._folder.names(table, ".parquet")
                new = [name for name in names if name not in kept]
                try:
                    made = list(pool.map(lambda name: self._load(table, name, use), new))
                except FileNotFoundError:
                    continue  # another process has moved a part since the listing
                results = {**kept, **dict(zip(new, made, strict=True))}
                return {name: results[name] for name in names}
        where = self._folder.place(table)
        raise UserError(f"results {where}: parts keep disappearing; try again later")

    def _load(self, table: str, name: str, use: Callable[[str, bytes], T | None]) -> T | None:
        """Call the function with a part's name and bytes; return None for a damaged part.

        Raises:
            FileNotFoundError: the part no longer exists.
            UserError: it cannot be read at the moment: it is not damaged and not to be set aside.
        """
        try:
            content = self._folder.get(f"{table}/{name}")
        except FileNotFoundError:
            raise
        except OSError as error:
            where, reason = self._folder.place(f"{table}/{name}"), filesystems.reason(error)
            raise UserError(f"results {where}: cannot be read ({reason}); try again") from None
        return use(name, content) if part_files.intact(name, content) else None
