"""Numbers as text, formatted the same everywhere."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

MISSING = "\N{EN DASH}"


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """Return a rounded value as text, with a true minus sign; a dash for nan.

    Args:
        value: in the unit of display.
        digits: digits after the point.
        sign: whether values that are shown as positive have a plus sign.
    """
    if pd.isna(value):
        return MISSING
    rounded = round(value, digits) + 0.0  # -0.0 becomes 0.0
    text = f"{rounded:{'+' if sign and rounded else ''}.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def with_interval(mean: float, low: float, high: float, digits: int, *, sign: bool = False) -> str:
    """Return a mean with its interval in percent, from fractions: ``97.47 [97.16, 97.78]``.

    Without an interval, for one value or equal ones, the mean alone.
    """
    text, *ends = (number(value * 100, digits, sign=sign) for value in (mean, low, high))
    return text if pd.isna(low) else f"{text} [{', '.join(ends)}]"


def span(values: Iterable[float], digits: int, *, sign: bool = False) -> str:
    """Return the smallest and largest of fractions in percent, such as ``97.01 to 97.35``."""
    known = [value * 100 for value in values if not pd.isna(value)]
    if not known:
        return MISSING
    low, high = (number(value, digits, sign=sign) for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def many(count: int, word: str) -> str:
    """Return a count with its noun: ``1 trial``, ``2 trials``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def extent(counts: Iterable[int], word: str) -> str:
    """Return the smallest and largest of counts with their noun: ``3 to 5 seeds``, ``3 seeds``."""
    known = list(counts)
    low, high = min(known), max(known)
    return many(low, word) if low == high else f"{low} to {high} {word}s"


def listed(phrases: Sequence[str]) -> str:
    """Return phrases in a row: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(phrases[:-1]), *phrases[-1:]]))


def counted(counts: Mapping[str, int]) -> str:
    """Return what occurs, with its number: ``2 diverged, 1 dead``; empty if nothing does."""
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
