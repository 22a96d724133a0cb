"""The one exception for a user's mistake, and how what was given is shown in it."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any


class UserError(Exception):
    """A mistake that the user can mend.

    Its message is one line that says what was given, what is allowed and what to do.
    The command line prints that line and exits with code 2; no traceback is shown.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        # A file's name or content must not steer the terminal that shows the line.
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line))


def unknown(kind: str, given: str, known: Iterable[str]) -> UserError:
    """The error for a name that does not exist.

    Args:
        kind: what the name stands for, such as ``method``.
        given: the name as the user wrote it.
        known: the names there are.
    """
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return UserError(f"unknown {kind} {shown(given)}; {hint}known: {', '.join(names) or 'none'}")


def shown(value: Any) -> str:
    """A value as an error shows it: as Python writes it, shortened where that is long.

    A few lines of YAML can stand for a value that would take hours to write out.
    """
    return _SHORT.repr(value)


class _Short(reprlib.Repr):
    """Shortens strings, numbers and collections, however deep they are nested."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 160
        self.maxlevel = 4

    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to write numbers of more than some 4,000 digits."""
        many = x.bit_length() > 4_000
        return "a number of 1,000 digits or more" if many else super().repr_int(x, level)


_SHORT = _Short()
