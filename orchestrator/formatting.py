"""Times, sizes, counts and figures as all commands write them."""

import math
from collections.abc import Mapping
from typing import Any


def clock(seconds: float) -> str:
    """Return a measured time as text: ``41 s``, ``3:20 min`` or ``2:05:13 h``."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d} h"
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def approximate(seconds: float) -> str:
    """Return an estimated time as text, from ``under a second`` and ``40 s`` to ``12 days``."""
    if seconds < 1:
        return "under a second"
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            number = seconds / unit
            return f"{number:.1f} {name}" if name == "h" else f"{number:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"


def size(count: float) -> str:
    """Return a number of bytes as text: ``310 kB``, ``12 MB`` or ``3.4 GB``."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{max(1, round(count / 1e3))} kB"


def many(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 trial``, ``2 trials``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def field_values(fields: Mapping[str, str]) -> list[str]:
    """Return the values of a cell's fields; a dash is the density of a method that takes none."""
    no_density = ("density", "0.0")
    return ["\N{EN DASH}" if pair == no_density else pair[1] for pair in fields.items()]


def finite_or_none(value: Any) -> Any:
    """Return a value for JSON, which has no NaN or infinity: None for a float that is either."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def short_commit(commit: str) -> str:
    """The digits by which people name a commit."""
    return commit[:12]
