"""What the data sets that are downloaded have in common."""

import contextlib
import hashlib
import sys
import tarfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from studies.errors import UserError

#: The errors of torchvision, and of what it uses, for a failed download.
_FAILURES = (RuntimeError, OSError, EOFError, HTTPException, tarfile.TarError)


def download(name: str, fetch: Callable[[], object], folder: Path, what: str) -> None:
    """Download a data set.

    Args:
        name: the data set's.
        fetch: downloads the files and checks them.
        folder: the folder of the files.
        what: the files, in words.

    Raises:
        UserError: the download failed.
    """
    made = [place for place in (folder, folder.parent) if not place.exists()]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            fetch()
    except _FAILURES as error:
        with contextlib.suppress(OSError):  # remove new folders if they are empty; files stay
            for place in made:
                place.rmdir()
        raise UserError(
            f"data set {name}: not in {folder}, and downloading it failed ({error}); put {what} "
            "there, or name the folder that holds the data sets with --data DIR or the environment "
            "variable UNTUNED_DATA"
        ) from None


def md5(name: str, path: Path, published: str | None) -> bytes:
    """Return a file's bytes after checking that they are the published ones.

    Args:
        name: the data set's.
        path: the file.
        published: the published MD5, None if there is none.

    Raises:
        UserError: the file cannot be read, or differs.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"data set {name}: {path} cannot be read ({error.strerror})") from None
    if published and hashlib.md5(content, usedforsecurity=False).hexdigest() != published:
        raise UserError(
            f"data set {name}: {path} is damaged (its MD5 is not {published}); "
            "delete it to have it downloaded again"
        )
    return content
