"""Numbers as text, the same everywhere."""

from collections.abc import Iterable

import pandas as pd

MISSING = "\N{EN DASH}"


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A value rounded to so many digits, with a true minus sign; a dash for nan.

    Args:
        value: in the unit in which it is shown.
        digits: after the point.
        sign: whether a plus sign stands before what is shown as above zero.
    """
    if pd.isna(value):
        return MISSING
    rounded = round(value, digits) + 0.0  # -0.0 becomes 0.0
    text = f"{rounded:{'+' if sign and rounded else ''}.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def mean_and_half(mean: float, high: float, digits: int, *, sign: bool = False) -> str:
    """``97.47 ± 0.31``: a mean and half its interval, given as fractions, shown in percent."""
    text = number(mean * 100, digits, sign=sign)
    return text if pd.isna(high) else f"{text} ± {number((high - mean) * 100, digits)}"


def span(values: Iterable[float], digits: int, *, sign: bool = False) -> str:
    """``97.01 to 97.35``: the smallest and the largest of fractions, in percent."""
    known = [value * 100 for value in values if not pd.isna(value)]
    if not known:
        return MISSING
    low, high = (number(value, digits, sign=sign) for value in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"


def many(count: int, word: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
