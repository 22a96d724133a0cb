"""What the data sets that are downloaded have in common."""

import contextlib
import hashlib
import sys
import tarfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from studies.errors import UserError

#: What torchvision, and what it uses, raise for a failed download.
_FAILURES = (RuntimeError, OSError, EOFError, HTTPException, tarfile.TarError)


def download(name: str, fetch: Callable[[], object], folder: Path, what: str) -> None:
    """Download a data set.

    Args:
        name: the data set's.
        fetch: does it, and checks what it got.
        folder: where the files go.
        what: the files, in words.

    Raises:
        UserError: it failed.
    """
    made = [place for place in (folder, folder.parent) if not place.exists()]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            fetch()
    except _FAILURES as error:
        with contextlib.suppress(OSError):  # what it made of empty folders goes, files stay
            for place in made:
                place.rmdir()
        raise UserError(
            f"data set {name}: not in {folder}, and downloading it failed ({error}); put {what} "
            "there, or name the folder that holds the data sets with --data DIR or the environment "
            "variable UNTUNED_DATA"
        ) from None


def md5(name: str, path: Path, wanted: str | None) -> bytes:
    """A file's bytes, if they are the published ones.

    Args:
        name: the data set's.
        path: the file.
        wanted: the published MD5, None where none is published.

    Raises:
        UserError: it cannot be read, or is another.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"data set {name}: {path} cannot be read ({error.strerror})") from None
    if wanted and hashlib.md5(content, usedforsecurity=False).hexdigest() != wanted:
        raise UserError(
            f"data set {name}: {path} is damaged (its MD5 is not {wanted}); "
            "delete it to have it downloaded again"
        )
    return content
