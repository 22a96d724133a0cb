"""The one exception for a user's mistake, and how a misspelt name is answered."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend.

    Its message is one line that says what was given, what is allowed and what to do.
    The command line prints that line and exits with code 2; no traceback is shown.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


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
    return UserError(f"unknown {kind} {given!r}; {hint}known: {', '.join(names) or 'none'}")
