"""The files of published data sets: where they are, their checksums, and their download.

Only a download needs torchvision, which takes seconds to import.
"""

import contextlib
import hashlib
import sys
import tarfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from studies.errors import UserError

#: The errors of torchvision, and of what it uses, for a failed download.
_FAILURES = (RuntimeError, OSError, EOFError, HTTPException, tarfile.TarError)
#: Seconds within which a server must answer that a data set is downloaded from.
_ANSWER = 2.0


@dataclass(frozen=True)
class Published:
    """A published data set's files.

    Attributes:
        name: the data set's.
        folder: the folder of its files, in that of all data sets.
        files: the files that are read; of some there are alternatives.
        md5: the published MD5 of files, by their names.
        address: of a file on a server that the data set is downloaded from.
        download: downloads the data set, given `torchvision.datasets` and the folder of all data
            sets.
        described: the files in words.
    """

    name: str
    folder: str
    files: tuple[tuple[str, ...], ...]
    md5: Mapping[str, str]
    address: str
    download: Callable[[Any, Path], object]
    described: str

    def check(self, root: Path) -> None:
        """Check that the files are there, or that a server answers that has them.

        Args:
            root: the folder of all data sets.

        Raises:
            UserError: neither is the case.
        """
        if not self._complete(root):
            self._refuse_parquet(root)
            try:
                _wait_for_answer(self.address)
            except OSError as error:
                raise self._absent(root, error) from None

    def get(self, root: Path) -> Path:
        """Return the folder of the files, which are downloaded if one is missing.

        Args:
            root: the folder of all data sets.

        Raises:
            UserError: the download failed.
        """
        if not self._complete(root):
            self._refuse_parquet(root)
            self._download(root)
        return root / self.folder

    def content(self, path: Path) -> bytes:
        """Return a file's bytes after checking that they are the published ones.

        A file without a published MD5 is returned as it is.

        Raises:
            UserError: the file cannot be read, or differs.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror
            raise UserError(f"data set {self.name}: {path} cannot be read ({reason})") from None
        md5 = self.md5.get(path.name)
        if md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise UserError(
                f"data set {self.name}: {path} is damaged (its MD5 is not {md5}); "
                "delete it to have it downloaded again"
            )
        return content

    def _refuse_parquet(self, root: Path) -> None:
        """Refuse a folder of Parquet files, which nothing should be downloaded to.

        Raises:
            UserError: it is one.
        """
        if in_parquet := self._in_parquet(root):
            raise in_parquet

    def _in_parquet(self, folder: Path) -> UserError | None:
        """The error for a folder that has Parquet files; None for another folder."""
        if not any(next(place.glob("*.parquet"), None) for place in (folder, folder / "data")):
            return None
        return UserError(
            f"data set {self.name}: {folder} has Parquet files and not {self.described}; to read "
            f"it from these, give --data {self.name}=parquet:{folder}"
        )

    def _complete(self, root: Path) -> bool:
        folder = root / self.folder
        return all(any((folder / name).is_file() for name in names) for names in self.files)

    def _download(self, root: Path) -> None:
        import torchvision.datasets

        folder = root / self.folder
        made = [place for place in (folder, folder.parent) if not place.exists()]
        try:
            with contextlib.redirect_stdout(sys.stderr):
                self.download(torchvision.datasets, root)
        except _FAILURES as error:
            with contextlib.suppress(OSError):  # remove new folders if they are empty; files stay
                for place in made:
                    place.rmdir()
            raise self._absent(root, error) from None

    def _absent(self, root: Path, error: Exception) -> UserError:
        if in_parquet := self._in_parquet(root / self.name):
            return in_parquet
        return UserError(
            f"data set {self.name}: not in {root / self.folder}, and downloading it failed "
            f"({error}); put {self.described} there, or name the folder that holds the data sets "
            "with --data DIR or the environment variable UNTUNED_DATA"
        )


def _wait_for_answer(address: str) -> None:
    """Wait until a server answers, whatever it says.

    Looking up its name has no time limit of its own, so this is done in a thread.

    Raises:
        OSError: it does not answer, or is no web server.
    """
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    failures = list[Exception]()

    def ask() -> None:
        try:
            urlopen(Request(address, method="HEAD"), timeout=_ANSWER).close()  # noqa: S310
        except HTTPError:
            return  # it answers
        except (OSError, HTTPException) as error:
            failures.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER)
    if thread.is_alive():
        raise OSError(f"no answer from {address} within {_ANSWER:g} s; try again")
    if failures:
        (error,) = failures
        reason = error.reason if isinstance(error, URLError) else error
        raise OSError(f"no answer from {address}: {reason}")
