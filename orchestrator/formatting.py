"""Times, sizes and counts in words, the same in every command."""


def clock(seconds: float) -> str:
    """A time that was measured: ``41 s``, ``3:20 min`` or ``2:05:13 h``."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d} h"
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def about(seconds: float) -> str:
    """A time that is guessed: ``under a second``, ``40 s``, ``12 min``, ``3.5 h``, ``12 days``."""
    if seconds < 1:
        return "under a second"
    for limit, unit, word in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            number = seconds / unit
            return f"{number:.1f} {word}" if word == "h" else f"{number:.0f} {word}"
    return f"{seconds / 86_400:.0f} days"


def size(count: float) -> str:
    """Bytes: ``310 kB``, ``12 MB`` or ``3.4 GB``."""
    for unit, word in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {word}"
    return f"{max(1, round(count / 1e3))} kB"


def many(count: int, word: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
