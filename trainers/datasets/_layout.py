"""The names of splits, and which files in a user's data set are no part of it."""

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

SPLITS = ("train", "validation", "test")
#: The words that name a split, in lower case.
_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
#: Files and folders that systems and tools leave among others.
_OF_SYSTEMS = frozenset(
    {
        "@__thumb",
        "@eadir",
        "@recently-snapshot",
        "@recycle",
        "@tmp",
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "~snapshot",
        "__macosx",
        "__pycache__",
        "desktop.ini",
        "ehthumbs.db",
        "found.000",
        "lost+found",
        "recycler",
        "system volume information",
        "thumbs.db",
    }
)
#: Names that a note gives; the others are counted.
_NAMED = 5


def is_of_system(name: str) -> bool:
    """Return whether a file or folder is hidden, or one that a system keeps for itself."""
    return name.startswith(".") or name.casefold() in _OF_SYSTEMS


def one_form(name: str) -> str:
    """Return the one Unicode form of a name: é may be one character, or e and an accent."""
    return unicodedata.normalize("NFC", name)


def split_of(name: str) -> str | None:
    """Return the split that a folder's name, or the beginning of a file's, stands for.

    Args:
        name: such as ``valid`` or ``train-00000-of-00002.parquet``.
    """
    word = re.match(r"[a-z]*", name.casefold())
    return _WORDS.get(word[0]) if word else None


def listed(what: str, paths: Iterable[Path], root: Path) -> tuple[str, ...]:
    """Return a note that names some files or folders; none if there are none.

    Args:
        what: what is true of them, such as ``not read``.
        paths: of the files and folders.
        root: the data set's folder, which the names are relative to.
    """
    names = sorted(os.path.relpath(path, root) for path in paths)
    if not names:
        return ()
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (f"{what}: {', '.join(names[:_NAMED])}{more}",)
