"""Checkpoints of trials that are not finished, named after their own bytes.

They are only a convenience: if one is lost or damaged, its trials start again.
"""

import contextlib

from studies.errors import UserError
from studies.store.folder import Folder
from studies.store.part_files import digest


class Checkpoints:
    """The checkpoints in a study's folder.

    A checkpoint's key consists of digits and lower-case letters.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def save(self, key: str, content: bytes) -> None:
        """Replace a checkpoint; a reader finds either the old one or the new one.

        Raises:
            OSError: it could not be written; the old one still exists.
        """
        name = _name(key, content)
        self._folder.put(f"_checkpoints/{name}", content)
        self._delete(key, but=name)

    def load(self, key: str) -> bytes | None:
        """Return a checkpoint's bytes; None if there is no intact one.

        Raises:
            UserError: the checkpoints cannot be listed.
        """
        for name in self._names(key):
            with contextlib.suppress(OSError):  # another worker may have replaced it
                content = self._folder.get(f"_checkpoints/{name}")
                if name == _name(key, content):
                    return content
        return None

    def keys(self) -> frozenset[str]:
        """Return the keys of all checkpoints, from one listing.

        Raises:
            UserError: they cannot be listed.
        """
        return frozenset(name.rpartition("-")[0] for name in self._names(""))

    def delete(self, key: str) -> None:
        """Delete a checkpoint that is no longer needed."""
        self._delete(key, but="")

    def delete_all(self) -> None:
        """Delete all checkpoints: the study is finished."""
        self._delete("", but="")

    def _delete(self, key: str, but: str) -> None:
        with contextlib.suppress(OSError, UserError):  # a checkpoint that stays does no harm
            for name in self._names(key):
                if name != but:
                    with contextlib.suppress(FileNotFoundError):
                        self._folder.delete(f"_checkpoints/{name}")

    def _names(self, key: str) -> list[str]:
        names = self._folder.names("_checkpoints", ".safetensors")
        return [name for name in names if name.startswith(f"{key}-" if key else "")]


def _name(key: str, content: bytes) -> str:
    return f"{key}-{digest(content)}.safetensors"
