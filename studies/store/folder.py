"""A folder on any filesystem that pyarrow opens, whose files appear whole or not at all."""

import contextlib
import os
import re
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs

import studies.store.filesystems as filesystems
from studies.errors import UserError
from studies.store.filesystems import reason

if TYPE_CHECKING:
    import pyarrow.dataset as ds

#: Bytes up to which an object is sent in one request. A larger one is sent in several and appears
#: when all of them have arrived.
_ONE_REQUEST = 5_000_000
#: The name of a definition's file: its hash.
DEFINITION = re.compile(r"[0-9a-f]{12}\.yaml")
#: Bytes that are written to test whether a folder can be written to: a full disk takes empty files.
_PROBE = 2**16


class NotWrittenError(OSError):
    """A file that could not be written: where, why, and its intended size.

    Attributes:
        errno: the system's error number, if there is one.
        strerror: the reason.
    """

    def __init__(self, where: str, size: int, error: OSError) -> None:
        super().__init__(error.errno, error.strerror or reason(error))
        self._where, self._size = where, size

    def __reduce__(self) -> tuple[type["NotWrittenError"], tuple[str, int, OSError]]:
        error = OSError(self.errno, self.strerror)
        return NotWrittenError, (self._where, self._size, error)

    def __str__(self) -> str:
        return f"{self._where}: {self.strerror} ({self._size:,} bytes were to be written)"


class Folder:
    """A folder on a local disk or in an object store; it need not exist.

    Pickling keeps only the arguments: the folder is opened again on the machine where it is
    unpickled, with the credentials of that machine.

    Args:
        where: the folder around it, or a URI such as ``s3://bucket/folder``.
        name: its name.

    Attributes:
        root: its path on its filesystem.
        uri: its path or URI.
        is_local: whether it is on a local disk.

    Raises:
        UserError: the URI cannot be opened.
    """

    def __init__(self, where: str, name: str) -> None:
        filesystems.check_characters(f"{where}/{name}", name)
        where = filesystems.canonical(where)
        self._fs, above = filesystems.opened(where)
        self.root = f"{above.rstrip('/')}/{name}"
        self.is_local = isinstance(self._fs, pyarrow.fs.LocalFileSystem)
        self._made_of = (above if self.is_local else where, name)
        folder, mark, options = where.partition("?")
        self.uri = self.root if self.is_local else f"{folder.rstrip('/')}/{name}{mark}{options}"

    def __reduce__(self) -> tuple[type["Folder"], tuple[str, str]]:
        return Folder, self._made_of

    def siblings(self, inside: str) -> list["Folder"]:
        """Return the folders beside this one, itself included, that have a given subfolder.

        Raises:
            UserError: they cannot be listed.
        """
        where, _ = self._made_of
        return [Folder(where, name) for name in folders_with(where, inside)]

    def check_place(self) -> None:
        """Refuse a place that is itself the folder of a study; see `folders_with`.

        Raises:
            UserError: it is one, or cannot be listed.
        """
        folders_with(self._made_of[0], "definitions")

    def place(self, path: str) -> str:
        """Return the path or URI of a file in the folder, for people to read."""
        folder, mark, options = (self.uri, "", "") if self.is_local else self.uri.partition("?")
        return f"{folder}/{path}{mark}{options}"

    def names(self, folder: str, ending: str) -> list[str]:
        """Return the sorted names of the files in a subfolder, without hidden ones.

        Args:
            folder: the subfolder.
            ending: how the names end.

        Raises:
            UserError: it cannot be listed.
        """
        try:
            listed = filesystems.listed(self._fs, f"{self.root}/{folder}")
        except OSError as error:
            raise UserError(
                f"results folder {self.uri}: cannot be read ({reason(error)})"
            ) from None
        names = (info.base_name for info in listed if info.is_file)
        return sorted(n for n in names if n.endswith(ending) and not n.startswith(("_", ".")))

    def get(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            OSError: it cannot be read.
        """
        with self._fs.open_input_file(f"{self.root}/{path}") as stream:
            return bytes(stream.read())

    def beside(self, name: str) -> bytes:
        """Return the bytes of a file beside the folder.

        Raises:
            OSError: it cannot be read, or does not exist.
        """
        with self._fs.open_input_file(f"{self.root.rpartition('/')[0]}/{name}") as stream:
            return bytes(stream.read())

    def dataset(self, folder: str, names: Iterable[str], schema: pa.Schema) -> "ds.Dataset":
        """Return Parquet files of a subfolder as an Arrow data set, without reading their rows.

        Args:
            folder: the subfolder.
            names: the names of the files.
            schema: the schema of their rows, with a column `part` for the name of a row's file.
        """
        import pyarrow.dataset as ds  # which imports pandas

        kind, root = ds.ParquetFileFormat(), f"{self.root}/{folder}"
        fragments = [
            kind.make_fragment(f"{root}/{name}", self._fs, ds.field("part") == name)
            for name in names
        ]
        return ds.FileSystemDataset(fragments, schema, kind, self._fs)

    def put(self, path: str, content: bytes, *, lasting: bool = False) -> None:
        """Make a file appear whole: by a rename on a local disk, by one upload elsewhere.

        Args:
            path: the file's path in the folder.
            content: its bytes.
            lasting: whether it must survive a power cut from the moment that this returns.

        Raises:
            NotWrittenError: it could not be written; nothing of it is visible.
        """
        target = f"{self.root}/{path}"
        try:
            if self.is_local:
                self._replace(target, content, lasting)
            else:
                self._upload(target, content)
        except OSError as error:
            raise NotWrittenError(self.place(path), len(content), error) from None

    def try_writing(self) -> None:
        """Write a file to the folder, or where the folder would be made, and delete it.

        Raises:
            OSError: this is not possible.
        """
        if self.is_local:
            try_writing(Path(self.root))
        else:
            probe = f".writable-{secrets.token_hex(4)}"
            self.put(probe, bytes(_PROBE))
            self.delete(probe)

    def _replace(self, target: str, content: bytes, lasting: bool) -> None:
        folder, _, name = target.rpartition("/")
        Path(folder).mkdir(parents=True, exist_ok=True)
        # Two threads of a process may write one file, such as a heartbeat, at the same time.
        temporary = Path(f"{folder}/_writing-{threading.get_ident()}-{name}")
        try:
            with temporary.open("wb") as stream:
                stream.write(content)
                if lasting:
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.replace(target)
            if lasting:
                _sync(folder)
        finally:
            with contextlib.suppress(OSError):  # the error before this one is the one to show
                temporary.unlink(missing_ok=True)

    def _upload(self, target: str, content: bytes) -> None:
        fs = self._fs
        if isinstance(fs, pyarrow.fs.S3FileSystem) and len(content) > _ONE_REQUEST:
            fs = filesystems.s3(self._made_of[0], at_once=False)
        with fs.open_output_stream(target) as stream:
            stream.write(content)

    def move(self, path: str, to: str) -> None:
        """Move a file within the folder.

        Raises:
            OSError: it could not be moved.
        """
        target = f"{self.root}/{to}"
        if self.is_local:
            self._fs.create_dir(target.rpartition("/")[0])
        self._fs.move(f"{self.root}/{path}", target)

    def delete(self, path: str) -> None:
        """Delete a file.

        Raises:
            OSError: it could not be deleted, or does not exist.
        """
        self._fs.delete_file(f"{self.root}/{path}")

    def size(self) -> int:
        """Return the bytes of all files in the folder.

        Raises:
            UserError: it cannot be listed.
        """
        selector = pyarrow.fs.FileSelector(self.root, allow_not_found=True, recursive=True)
        try:
            return sum(info.size for info in self._fs.get_file_info(selector) if info.is_file)
        except OSError as error:
            raise UserError(
                f"results folder {self.uri}: cannot be read ({reason(error)})"
            ) from None

    def delete_all(self, last: str) -> None:
        """Delete the folder with all that is in it.

        Args:
            last: the subfolder that is deleted last, so that an interrupted deletion can go on.

        Raises:
            OSError: something could not be deleted.
        """
        for info in filesystems.listed(self._fs, self.root):
            if info.is_file:
                self._fs.delete_file(info.path)
            elif info.base_name != last:
                self._fs.delete_dir(info.path)
        self._fs.delete_dir(self.root)


def try_writing(folder: Path) -> None:
    """Write a file to a local folder, or to where the folder would be made, and delete it.

    Raises:
        OSError: this is not possible.
    """
    above = (folder, *folder.absolute().parents)
    place = next(path for path in above if path.exists() or path.is_symlink())
    probe = place / f".writable-{secrets.token_hex(4)}"
    try:
        probe.write_bytes(bytes(_PROBE))
    finally:
        with contextlib.suppress(OSError):  # the error before this one is the one to show
            probe.unlink(missing_ok=True)


def _sync(folder: str) -> None:
    """Make a rename in a folder survive a power cut, as far as its filesystem can."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def folders_with(where: str, inside: str) -> list[str]:
    """Return the sorted names of those folders under a folder or URI that have a given subfolder.

    Args:
        where: the folder or URI.
        inside: the name of the subfolder.

    Raises:
        UserError: the URI cannot be opened or listed, or is itself the folder of a study.
    """
    fs, root = filesystems.opened(filesystems.canonical(where))
    try:
        listed = filesystems.listed(fs, root)
        folders = [info for info in listed if info.type == pyarrow.fs.FileType.Directory]
        subfolders = fs.get_file_info([f"{info.path}/{inside}" for info in folders])
        is_study = any(
            DEFINITION.fullmatch(info.base_name)
            for folder in folders
            if folder.base_name == "definitions"
            for info in filesystems.listed(fs, folder.path)
        )
    except OSError as error:
        raise UserError(f"results folder {where}: cannot be read ({reason(error)})") from None
    if is_study:
        raise UserError(
            f"results folder {where}: holds the results of one study; give the folder around it, "
            "which holds those of all studies"
        )
    return sorted(
        folder.base_name
        for folder, subfolder in zip(folders, subfolders, strict=True)
        if subfolder.type == pyarrow.fs.FileType.Directory
    )
