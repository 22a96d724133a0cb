"""The results of one study on any filesystem that pyarrow opens: the only place that forms paths.

    RESULTS/STUDY/definitions/<hash>.yaml                 every definition that was run
    RESULTS/STUDY/{layers,epochs,trials,failures}/<writer>-<n>-<sha>.parquet
    RESULTS/STUDY/networks/<trial>-<sha>.safetensors      trained networks, where they are kept
    RESULTS/STUDY/_logs/<name>.log                        tracebacks
    RESULTS/STUDY/_checkpoints/<key>-<sha>.safetensors    of trials that are not finished
    RESULTS/STUDY/_workers/<name>.json                    signs of life of those who run the study
    RESULTS/STUDY/_damaged/<table>-<part>                 parts that were set aside

A part appears whole or not at all and is named after the SHA-256 of its bytes, so a truncated
part or a single flipped bit is found by comparing the two. Nothing is ever rewritten: what merges
parts writes a new one that lists those it replaces (`studies.store.part_files`).
"""

import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.dataset as ds
import yaml

from studies import strict_yaml
from studies.errors import UserError
from studies.schemas import TABLES
from studies.store import filesystems, part_files
from studies.store.folder import Folder, folders_with
from studies.store.part_files import Part, Parts

if TYPE_CHECKING:
    from studies.study import Study

#: How many parts are read at the same time.
_READERS = 8
#: Bytes that are written to see whether results can be: on a full disk an empty file still can.
_PROBE = 2**16
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


class Store:
    """The results of one study.

    Args:
        results: a folder, or a URI such as ``s3://bucket/folder``.
        study: the study's name.

    Raises:
        UserError: the URI cannot be opened.
    """

    def __init__(self, results: str, study: str) -> None:
        self.study = study
        self._files = Folder(results, study)
        self.root, self.uri = self._files.root, self._files.uri

    @property
    def local_path(self) -> Path | None:
        """The study's folder where it is on a local disk, else None."""
        return Path(self.root) if self._files.is_local else None

    def beside(self, name: str) -> bytes | None:
        """The bytes of a file that lies beside the studies' folders; None if there is none."""
        with contextlib.suppress(OSError):
            return self._files.beside(name)
        return None

    def prepare(self) -> None:
        """Make sure that results can be written.

        Raises:
            UserError: the folder cannot be made or written to.
        """
        try:
            probe = f".writable-{secrets.token_hex(4)}"
            self._files.put(probe, bytes(_PROBE))
            self._files.delete(probe)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UserError:
        why = error.strerror or filesystems.reason(error)
        return UserError(
            f"results folder {self.uri}: cannot be written to ({why}); give another with --results"
        )

    def define(self, study: "Study") -> None:
        """Record the definition that is about to run; one that is recorded stays as it is.

        Raises:
            UserError: it cannot be recorded.
        """
        name = f"definitions/{study.definition_hash}.yaml"
        if self._files.names("definitions", f"{study.definition_hash}.yaml"):
            return
        recorded = datetime.now(UTC).isoformat(timespec="microseconds")
        content = {"recorded": recorded, "definition": study.definition()}
        try:
            self._files.put(name, strict_yaml.dump(content).encode())
        except OSError as error:
            raise self._unwritable(error) from None

    def definitions(self) -> list["Study"]:
        """Every definition that was run, the earliest first.

        Raises:
            UserError: a definition cannot be read.
        """
        from studies.study import from_mapping

        found = []
        for name in self._files.names("definitions", ".yaml"):
            where = self._files.place(f"definitions/{name}")
            try:
                text = self._files.get(f"definitions/{name}")
            except OSError as error:
                why = filesystems.reason(error)
                raise UserError(f"{where}: cannot be read ({why}); try again") from None
            try:
                content = strict_yaml.load(text.decode())
                found.append((content["recorded"], from_mapping(content["definition"], where)))
            except (UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
                raise UserError(
                    f"{where}: damaged ({type(error).__name__}); move it away, it is written "
                    "again when the study runs"
                ) from None
        return [study for _, study in sorted(found, key=lambda item: str(item[0]))]

    def definition_path(self, study: "Study") -> str | None:
        """The file in which a definition is recorded, where it is and is on a local disk."""
        name = f"{study.definition_hash}.yaml"
        there = self._files.is_local and self._files.names("definitions", name)
        return f"{self.root}/definitions/{name}" if there else None

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
        sorted_out = Parts.of({n: part.replaces if part else None for n, part in found.items()})
        counted = {
            name: part_files.counted(part, name, sorted_out)[0]
            for name, part in found.items()
            if part
        }
        tables = [
            rows.append_column("part", pa.repeat(name, len(rows))) for name, rows in counted.items()
        ]
        empty = TABLES[table].empty_table().select(wanted)
        empty = empty.append_column("part", pa.array([], pa.string()))
        return Contents(pa.concat_tables([empty, *tables]), sorted_out)

    def check(self, table: str) -> Parts:
        """A table's intact and damaged parts, whose rows are not read.

        Raises:
            UserError: the parts cannot be listed or read just now.
        """
        return Parts.of(self._each(table, part_files.replaces, {}))

    def lazily(self, table: str, names: Iterable[str]) -> ds.Dataset:
        """Parts as an Arrow data set, whose rows are read when asked.

        Columns beside the table's own: `part`, and `merged_from` as `part_files.ORIGIN` has it,
        null in a part that is not merged.
        """
        schema = TABLES[table].append(part_files.ORIGIN).append(pa.field("part", pa.string()))
        return self._files.dataset(table, names, schema.remove_metadata())

    def part(self, table: str, name: str) -> bytes:
        """A part's bytes.

        Raises:
            OSError: it cannot be read, or is not there any more.
        """
        return self._files.get(f"{table}/{name}")

    def put(self, table: str, content: bytes, writer: str, number: int) -> str:
        """Write a part's bytes and return its name; see `write`."""
        name = part_files.name_of(content, writer, number)
        # What replaces others has to outlast a power cut before they are deleted.
        self._files.put(f"{table}/{name}", content, lasting=writer.startswith(part_files.MERGED))
        return name

    def delete(self, table: str, names: Iterable[str]) -> None:
        """Delete parts whose rows are in a merged one; some may be gone already."""
        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(lambda name: self._delete(f"{table}/{name}"), names))

    def _delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.delete(path)

    def set_aside(self, table: str, part: str) -> None:
        """Move a damaged part to where no reader looks; it is kept for whoever wants to see it."""
        self._files.move(f"{table}/{part}", f"_damaged/{table}-{part}")

    def log(self, name: str, text: str) -> str:
        """Write a log file and return where it is."""
        self._files.put(f"_logs/{name}.log", text.encode(errors="replace"))
        return self._files.place(f"_logs/{name}.log")

    def sign(self, name: str, content: bytes) -> None:
        """Leave a sign of life, in the place of the one of this name before.

        Raises:
            OSError: it could not be written.
        """
        self._files.put(f"_workers/{name}.json", content)

    def signs(self) -> dict[str, bytes]:
        """The signs of life by name, sorted.

        Raises:
            UserError: they cannot be listed.
        """
        found = {}
        for name in self._files.names("_workers", ".json"):
            with contextlib.suppress(OSError):  # its writer has ended meanwhile
                found[name.removesuffix(".json")] = self._files.get(f"_workers/{name}")
        return found

    def end_sign(self, name: str) -> None:
        """Take a sign of life away.

        Raises:
            OSError: it could not be deleted.
        """
        with contextlib.suppress(FileNotFoundError):
            self._files.delete(f"_workers/{name}.json")

    def save_network(self, trial_id: str, content: bytes) -> None:
        """Keep the file of a trial's network.

        Raises:
            OSError: it could not be written; nothing of it is visible then.
        """
        self._files.put(f"networks/{trial_id}-{part_files.digest(content)}.safetensors", content)

    def network(self, trial_id: str) -> bytes | None:
        """The file of a trial's network, None if none was kept.

        Raises:
            UserError: they cannot be listed, or what is there is damaged or cannot be read.
        """
        kept = self._files.names("networks", ".safetensors")
        names = [name for name in kept if name.startswith(f"{trial_id}-")]
        for name in names:
            with contextlib.suppress(OSError):
                content = self._files.get(f"networks/{name}")
                if name == f"{trial_id}-{part_files.digest(content)}.safetensors":
                    return content
        if names:
            where = self._files.place(f"networks/{names[0]}")
            raise UserError(f"network {where}: damaged, or it cannot be read; move it away")
        return None

    def save_checkpoint(self, key: str, content: bytes) -> None:
        """Put a checkpoint in the place of the one before; a reader finds one of the two.

        Args:
            key: of digits and lower-case letters.
            content: its bytes.

        Raises:
            OSError: it could not be written; the one before is still there.
        """
        name = f"{key}-{part_files.digest(content)}.safetensors"
        self._files.put(f"_checkpoints/{name}", content)
        self._drop_checkpoints(key, but=name)

    def load_checkpoint(self, key: str) -> bytes | None:
        """A checkpoint's bytes, None if there is none that is whole."""
        for name in self._checkpoints(key):
            with contextlib.suppress(OSError):  # another worker may have replaced it
                content = self._files.get(f"_checkpoints/{name}")
                if name == f"{key}-{part_files.digest(content)}.safetensors":
                    return content
        return None

    def checkpoints(self) -> frozenset[str]:
        """The keys of all checkpoints, from one listing.

        Raises:
            UserError: they cannot be listed.
        """
        return frozenset(name.rpartition("-")[0] for name in self._checkpoints(""))

    def drop_checkpoint(self, key: str) -> None:
        """Delete a checkpoint that is not needed any more."""
        self._drop_checkpoints(key, but="")

    def drop_checkpoints(self) -> None:
        """Delete all checkpoints: the study is finished."""
        self._drop_checkpoints("", but="")

    def _drop_checkpoints(self, key: str, but: str) -> None:
        with contextlib.suppress(OSError, UserError):  # one that stays is never in the way
            for name in self._checkpoints(key):
                if name != but:
                    with contextlib.suppress(FileNotFoundError):
                        self._files.delete(f"_checkpoints/{name}")

    def _checkpoints(self, key: str) -> list[str]:
        names = self._files.names("_checkpoints", ".safetensors")
        return [name for name in names if name.startswith(f"{key}-" if key else "")]

    def _each(
        self, table: str, use: Callable[[str, bytes], T | None], kept: Mapping[str, T | None]
    ) -> dict[str, T | None]:
        """What is made of each part's name and bytes, None where they do not belong together.

        No more than a few parts' bytes are held at a time, whatever the table's size. A part's
        bytes never change: what was made of it before, `kept`, still holds.
        """
        with ThreadPoolExecutor(_READERS) as pool:
            for _ in range(_LISTINGS):
                names = self._files.names(table, ".parquet")
                new = [name for name in names if name not in kept]
                try:
                    made = list(pool.map(lambda name: self._load(table, name, use), new))
                except FileNotFoundError:
                    continue  # another process has moved a part since the listing
                found = dict(zip(new, made, strict=True))
                return {name: found[name] if name in found else kept[name] for name in names}
        where = self._files.place(table)
        raise UserError(f"results {where}: parts keep disappearing; try again later")

    def _load(self, table: str, name: str, use: Callable[[str, bytes], T | None]) -> T | None:
        """What is made of a part, None if its bytes are not what it is named after.

        A part that cannot be read just now is not damaged, and must not be set aside.
        """
        try:
            content = self._files.get(f"{table}/{name}")
        except FileNotFoundError:
            raise
        except OSError as error:
            where, why = self._files.place(f"{table}/{name}"), filesystems.reason(error)
            raise UserError(f"results {where}: cannot be read ({why}); try again") from None
        return use(name, content) if part_files.intact(name, content) else None


def studies_in(results: str) -> list[str]:
    """The names of the studies that have results under a folder or URI.

    Raises:
        UserError: it cannot be listed.
    """
    return folders_with(results, "definitions")
