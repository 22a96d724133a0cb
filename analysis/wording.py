"""Numbers as text, and a study's outcome in plain sentences without a verdict."""

from collections.abc import Iterable

import pandas as pd

from analysis.cells import BASELINE, common, heading, label, varying
from analysis.tables import Results

MISSING = "\N{EN DASH}"


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A value rounded to so many digits, with a true minus sign; a dash for nan.

    Args:
        value: in the unit in which it is shown.
        digits: after the point.
        sign: whether a plus sign stands before a value above zero.
    """
    if pd.isna(value):
        return MISSING
    text = f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"
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


def subject(results: Results) -> str:
    """What all cells have in common, in a few words: network, data set, epochs."""
    shared = common(results)
    names = [name for name in ("network", "dataset", "epochs") if name in shared]
    known: dict[str, object] = {name: shared[name] for name in names}
    axes = [heading(name) for name in varying(results)]
    return (
        f"{label(known)}; compared: {', '.join(axes)}" if known else f"compared: {', '.join(axes)}"
    )


def answer(results: Results, cells: pd.DataFrame) -> list[str]:
    """What came out, a few plain sentences per method.

    Args:
        results: the study.
        cells: `analysis.summary.summary` of it.
    """
    done = cells[cells["n"] > 0]
    return [
        _of_method(str(method), rows, results.margin)
        for method, rows in done.groupby("method", sort=False)
    ]


def _of_method(method: str, rows: pd.DataFrame, margin: float | None) -> str:
    settings = "" if len(rows) == 1 else f" (range over {many(len(rows), 'setting')})"
    said = [f"{method}: mean test accuracy {span(rows['accuracy'], 2)}%{settings}"]
    if method != BASELINE:
        said.append(f"{span(rows['changed'], 1)}% of the connections changed")
    paired = rows[rows["pairs"] > 0]
    if method != BASELINE and len(paired):
        said.append(f"{span(paired['difference'], 2, sign=True)} points from {BASELINE}")
    sentence = ", ".join(said) + "."
    if len(paired) and margin is not None:
        sentence += f" {_against_margin(paired, margin)}"
    return sentence


def _against_margin(paired: pd.DataFrame, margin: float) -> str:
    """Where the intervals of the differences lie with respect to the margin, in points."""
    low, high = paired["difference_low"] * 100, paired["difference_high"] * 100
    inside = (low >= -margin) & (high <= margin)
    below, above, unknown = high < -margin, low > margin, low.isna()
    places = {
        "within": inside.sum(),
        "wholly below": below.sum(),
        "wholly above": above.sum(),
        "across an edge of": (~(inside | below | above | unknown)).sum(),
    }
    zone = f"±{margin:g} points"
    found = [f"{place} it in {count}" for place, count in places.items() if count]
    if not found:
        return f"One pair gives no interval to hold against the margin of {zone}."
    if len(paired) == 1:
        place = next(place for place, count in places.items() if count)
        return f"The 95% interval of the difference lies {place} the margin of {zone}."
    single = f"; {unknown.sum()} have one pair and no interval" if unknown.any() else ""
    return (
        f"Against the margin of {zone}, the 95% interval of the difference lies "
        f"{', '.join(found)} of {len(paired)} settings{single}."
    )
