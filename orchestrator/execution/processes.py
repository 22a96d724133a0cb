"""Identifies processes across machines, containers and restarts, where their ids alone cannot."""

import contextlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
#: States of a process that has ended, and that its parent has perhaps never collected.
_ENDED = ("Z", "X")


@dataclass(frozen=True)
class Identity:
    """What a process is known by.

    Two containers, or two machines of one host name, may each have a process of the same id. Within
    one boot of a kernel and one PID namespace, the id and the start time belong to one process.

    Attributes:
        host: the name of its machine.
        pid: its id there.
        began: when it started, in clock ticks since the boot; None if not known.
        boot: the id of that boot; None if not known.
        namespace: its PID namespace; None if not known.
    """

    host: str
    pid: int
    began: int | None = None
    boot: str | None = None
    namespace: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether its id means the same to this process."""
        here = (_boot(), _namespace())
        return None not in here and (self.boot, self.namespace) == here

    @property
    def is_running(self) -> bool | None:
        """Whether a process of this id and start time runs here; None if the system hides it."""
        fields = _stat(self.pid)
        if fields:
            return start_time(self.pid) == self.began
        return None if _exists(self.pid) else False


def own() -> Identity:
    """Return the identity of this process."""
    return of(os.getpid())


def of(pid: int) -> Identity:
    """Return the identity of a process that this one can see."""
    return Identity(platform.node(), pid, start_time(pid), _boot(), _namespace())


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the boot; None if it does not run."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in _ENDED else None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the name; empty where there is none."""
    with contextlib.suppress(OSError, IndexError):
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        if len(fields) > 19 and fields[19].isdecimal():
            return fields
    return []


def _boot() -> str | None:
    with contextlib.suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip() or None
    return None


def _namespace() -> str | None:
    """Return this process's PID namespace; None where /proc is that of another one."""
    with contextlib.suppress(OSError):
        if (_PROC / "self").readlink().name == str(os.getpid()):
            return str((_PROC / "self/ns/pid").readlink())
    return None
