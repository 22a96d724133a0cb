"""Output that any terminal can take, and one that is closed or full."""

import codecs
import contextlib
import errno
import io
import os
import sys
import unicodedata

#: What stands for characters that an encoding lacks; others become a code such as \u56f3.
_PLAIN = {
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "\u2212": "-", "\u2013": "-", "\u2014": "-",
    "…": "...", "\u00d7": "x", "·": "-", "±": "+-", "→": "->", "←": "<-", "└": "+", "├": "+",
    "─": "-", "│": "|", "━": "-", "╸": "-", "╺": "-", "▁": "_", "▂": "_", "▃": "-", "▄": "-",
    "▅": "=", "▆": "=", "▇": "#", "█": "#", "\u201c": '"', "\u201d": '"', "\u2018": "'",
    "\u2019": "'", "✓": "ok", "°": "deg",
}  # fmt: skip

#: Errors of a full disk, a quota, a limit of a file's size, and a terminal or disk that failed.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Return what is written instead of characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_stand_in, error.object[error.start : error.end])), error.end


def _stand_in(character: str) -> str:
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    code = character.encode("ascii", "backslashreplace").decode()
    return _PLAIN.get(character) or bare or code


def _is_usable(number: int) -> bool:
    """Return whether a descriptor can be read (stdin) or written to (stdout, stderr).

    Where one is closed, a shell that runs a script gives its number to the script's own file.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        flags = fcntl.fcntl(number, fcntl.F_GETFL)
    except OSError:
        return False
    return number == 0 or flags & os.O_ACCMODE != os.O_RDONLY


def prepare() -> None:
    """Let stdout and stderr write a stand-in for a character that their encoding lacks.

    One that is closed, and stdin if it is, become the null device. Otherwise the next file that is
    opened would have its number, and child processes would write what they print into that file.
    """
    for name in ("COLUMNS", "LINES"):  # 0, as a terminal of an unknown size sets it, is no size
        if not os.environ.get(name, "").strip("0"):
            os.environ.pop(name, None)
    for number in range(3):
        if not _is_usable(number):
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            os.set_inheritable(number, True)
            if null != number:
                os.close(null)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    codecs.register_error("untuned", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # it is closed
                stream.reconfigure(errors="untuned")


def met(error: OSError) -> bool:
    """Return whether an error is that stdout cannot be written to.

    Such an error names no file; so one more line break is written, to see whether that fails, too.
    """
    if error.errno not in _UNWRITABLE or error.filename is not None:
        return False
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def end() -> str:
    """Write what is left to be written to stdout, and return why it cannot be; empty if it can.

    If it cannot, it is given up: otherwise Python would try again at its end, and print a
    traceback. A reader that has gone, as in ``untuned list | head``, is not worth a line.

    Raises:
        SystemExit: nobody reads stdout any more; with code 1, as click has it.
    """
    try:
        with contextlib.suppress(ValueError):  # it is closed
            sys.stdout.flush()
    except OSError as error:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
        if error.errno == errno.EPIPE:
            sys.exit(1)
        return error.strerror or str(error)
    return ""
