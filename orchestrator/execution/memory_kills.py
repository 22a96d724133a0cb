"""Counts the processes that Linux has killed because memory ran out."""

from collections.abc import Callable
from pathlib import Path


def total() -> int:
    """How many were killed on this machine since it started, in any cgroup; 0 if unknown."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:  # not Linux, or hidden
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


class MemoryKills:
    """Matches the kernel's kills with the deaths of workers.

    The kernel counts a kill before the process is gone, so whoever learns of a death and looks then
    finds it counted. Each kill explains one death.

    Args:
        count: how many processes were killed so far.
    """

    def __init__(self, count: Callable[[], int] = total) -> None:
        self._count, self._explained = count, count()

    def explain_death(self) -> bool:
        """Whether there was a kill that explains no death yet; it then explains this one."""
        if self._count() <= self._explained:
            return False
        self._explained += 1
        return True
