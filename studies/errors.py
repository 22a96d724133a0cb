"""The one exception for a user's mistake, and how it shows what the user gave."""

import contextlib
import datetime
import difflib
import reprlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

#: Whether what is shown comes from a study file.
_OF_YAML = ContextVar("_OF_YAML", default=False)
#: Characters of an error; a list of known names may have two thousand.
_LONGEST = 6_000
#: Names that an error lists in full, and how many it lists if there are more, such as trials' ids.
_ALL_NAMES, _SOME_NAMES = 100, 10
#: The message where no temporary file can be written.
NO_TEMPORARY_FOLDER = (
    "temporary files: no folder for them can be written to; set TMPDIR to one that can"
)


class UserError(Exception):
    """A mistake that the user can correct.

    Its message is one line that says what was given, what is allowed and what to do. The command
    line prints that line and exits with code 2, without a traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shortened(printable(" ".join(message.split()))))


def shortened(text: str) -> str:
    """Return a text without its middle if it is too long for a line that people read.

    What was given is at the beginning of an error, and what to do at its end.
    """
    if len(text) <= _LONGEST:
        return text
    left = len(text) - _LONGEST
    return f"{text[: _LONGEST // 2]} [{left:,} characters left out] {text[-_LONGEST // 2 :]}"


def printable(text: str) -> str:
    """Return a text with what is not printable as Python escapes it.

    A file's name or content must not control the terminal that shows it, nor begin a line.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def unknown(kind: str, given: Any, known: Iterable[str]) -> UserError:
    """Return the error for a name that does not exist.

    Args:
        kind: what the name stands for, such as ``method``.
        given: the name as the user wrote it; of a study file perhaps not a text.
        known: the names that exist.
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(given), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    listed = ", ".join(names if len(names) <= _ALL_NAMES else names[:_SOME_NAMES]) or "none"
    more = f" and {len(names) - _SOME_NAMES} more" if len(names) > _ALL_NAMES else ""
    return UserError(f"unknown {kind} {shown(given)}; {hint}known: {listed}{more}")


def shown(value: Any) -> str:
    """Return a value as an error shows it: as Python writes it, shortened if that is long.

    Of a study file, truth values are shown as YAML has them; see `of_yaml`.

    With aliases, a few lines of YAML stand for a value that would take hours to write out.
    """
    return _SHORT.repr(value)


@contextlib.contextmanager
def of_yaml() -> Iterator[None]:
    """Let `shown` write truth values and empty fields as a study file has them."""
    token = _OF_YAML.set(True)
    try:
        yield
    finally:
        _OF_YAML.reset(token)


class _Short(reprlib.Repr):
    """Shortens strings, numbers and collections, however deeply they are nested."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 160
        self.maxlevel = 4

    def repr_int(self, x: int, level: int) -> str:
        """Return a number; Python refuses to write one of more than about 4,000 digits."""
        is_long = x.bit_length() > 4_000
        return "a number of 1,000 digits or more" if is_long else super().repr_int(x, level)

    def repr_bool(self, x: bool, level: int) -> str:
        """Return a truth value: ``true`` of a study file."""
        return str(x).lower() if _OF_YAML.get() else repr(x)

    def repr_NoneType(self, x: None, level: int) -> str:  # noqa: N802  # `reprlib` finds it so
        """Return what stands for a field without a value."""
        return "(empty)" if _OF_YAML.get() else repr(x)

    def repr_date(self, x: datetime.date, level: int) -> str:
        """Return what YAML takes for a date as it is written: 2026-01-31."""
        return x.isoformat()

    def repr_datetime(self, x: datetime.datetime, level: int) -> str:
        """Return what YAML takes for a time as it is written: 2026-01-31 12:00:00."""
        return str(x)


_SHORT = _Short()
