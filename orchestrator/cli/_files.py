"""Writes files that the user has named."""

import contextlib
import secrets
from pathlib import Path

from studies.errors import UserError
from studies.regular_files import regular


def check_writable(path: Path) -> None:
    """Check that a file can have this path, before anything that takes time.

    Raises:
        UserError: the path is a folder, or its parent folder does not exist or cannot be written
            to.
    """
    from studies.store.folder import try_writing

    try:
        if path.is_dir() or not path.absolute().parent.is_dir():
            problem = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise UserError(f"{path}: {problem}; give a file in an existing folder")
        try_writing(path.absolute().parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def check_readable(path: Path, what: str) -> None:
    """Check that a file can be read, before anything that takes time.

    Args:
        path: the file.
        what: what it should contain, for the error.

    Raises:
        UserError: it cannot.
    """
    try:
        regular(path).open("rb").close()
    except OSError as error:
        raise UserError(f"{what} {path}: cannot be read ({error.strerror})") from None


def create(path: Path, content: bytes) -> None:
    """Write a new file; if that fails, there is none.

    Raises:
        UserError: the file exists already, or cannot be written.
    """
    try:
        file = path.open("xb")
    except FileExistsError:
        raise UserError(f"{path} already exists; give another name or remove it") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        with file:
            file.write(content)
    except OSError as error:
        path.unlink()
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def write(path: Path, content: bytes) -> None:
    """Write a file as a whole; if that fails, the path is as it was.

    Raises:
        UserError: the file cannot be written.
    """
    # Its own name may be as long as the filesystem allows.
    partial = path.with_name(f".untuned-{secrets.token_hex(8)}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None
