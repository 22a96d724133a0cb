"""Reads whom Ray's memory monitor has killed, and whose fault it was that memory ran out."""

import re

#: How many times the memory of any other worker marks one that is to blame.
_OUTLIER = 2.0


def ran_out(error: str) -> bool:
    """Whether the memory monitor is the reason of an error, by its text."""
    return "low on memory" in error


def to_blame(error: str, pid: int, alone: bool) -> bool:
    """Whether one worker alone explains that memory ran out.

    It does if it held more than twice as much as any other, or if there was no other. Where several
    of a size had too little memory together, nobody is to blame.

    Args:
        error: what the memory monitor says: the workers that it killed, each with its GB, and the
            ten largest processes with theirs.
        pid: the process id of the worker.
        alone: whether the run had no other worker.
    """
    largest = re.findall(r"^(\d+)\t([\d.]+)\tray::", error, re.MULTILINE)
    killed = re.findall(r"pid=(\d+), actual memory used=([\d.]+)GB", error)
    sizes = {int(number): float(size) for number, size in [*largest, *killed]}
    if alone and {int(number) for number, _ in killed} <= {pid}:
        return True
    others = [size for number, size in sizes.items() if number != pid]
    return bool(others) and sizes.get(pid, 0.0) > _OUTLIER * max(others)


def workers(error: str) -> tuple[list[str], list[int]]:
    """The ids of the nodes and the process ids of the workers that an error names."""
    processes = re.findall(r"^(\d+)\t[\d.]+\tray::|pid=(\d+)", error, re.MULTILINE)
    return re.findall(r"ID: (\w+)", error), [int(one or other) for one, other in processes]
