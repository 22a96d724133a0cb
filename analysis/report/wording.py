"""A study's outcome in plain sentences, without a verdict."""

import pandas as pd

from analysis.cells import BASELINE, common, heading, label, ordered, varying
from analysis.numbers import span
from analysis.tables import Results
from studies.trial import FIELDS, REQUIRED


def subject(results: Results) -> str:
    """What all cells have in common, in a few words: network, data set, epochs."""
    shared = common(results)
    names: list[str] = [n for n in ("network", "dataset", "epochs") if n in shared]
    names += [n for n in shared if n not in (*REQUIRED, "density") and shared[n] != _default(n)]
    known: dict[str, object] = {name: shared[name] for name in names}
    axes = [heading(name) for name in varying(results)]
    return (
        f"{label(known)}; compared: {', '.join(axes)}" if known else f"compared: {', '.join(axes)}"
    )


def _default(name: str) -> object:
    return FIELDS[name].default


def answer(results: Results, cells: pd.DataFrame) -> list[tuple[str, str]]:
    """What came out, one or two plain sentences per method.

    Args:
        results: the study.
        cells: `analysis.summary.summary` of it.

    Returns:
        Each method with its sentences; nothing before a trial is finished.
    """
    done = cells[cells["n"] > 0]
    return [
        (str(method), _of_method(str(method), rows, results.margin))
        for method, rows in done.groupby("method", sort=False)
    ]


def lead(results: Results) -> str:
    """What the ranges in `answer` run over, and the margin that they are held against."""
    shown = [n for n in varying(results) if n != "method"]
    settings = len(pd.concat([results.plan[shown], results.trials[shown]]).drop_duplicates())
    ranges = f"Means over seeds; a range is that of {settings} settings ({_axes(results, shown)})."
    said = ranges if shown else "Means over seeds."
    if results.margin is None or BASELINE not in ordered(results, "method"):
        return said
    return f"{said} A difference of up to {results.margin:g} points (the margin) counts as none."


def _axes(results: Results, shown: list[str]) -> str:
    """The fields that differ, with their values where these are few."""
    said = []
    for name in shown:
        values = [str(value) for value in ordered(results, name)]
        said.append(f"{heading(name)}: {', '.join(values)}" if len(values) <= 5 else heading(name))
    return "; ".join(said)


def _of_method(method: str, rows: pd.DataFrame, margin: float | None) -> str:
    said = f"{span(rows['accuracy'], 2)}% test accuracy"
    if method == BASELINE:
        return f"{said}."
    paired = rows[rows["pairs"] > 0]
    if len(paired):
        said += f", {span(paired['difference'], 2, sign=True)} points from {BASELINE}"
    said += f", with {span(rows['changed'], 1)}% of the connections changed."
    if len(paired) and margin is not None:
        said += f" {_against_margin(paired, margin)}"
    return said


def _against_margin(paired: pd.DataFrame, margin: float) -> str:
    """Where the intervals of the differences lie with respect to the margin, in points."""
    low, high = paired["difference_low"] * 100, paired["difference_high"] * 100
    inside = (low >= -margin) & (high <= margin)
    # Few test images make equal differences likely; the interval of no width that they give
    # tells nothing about the mean, as little as that of a single pair.
    unknown = low.isna() | (high - low < 1e-9)
    inside, below, above = inside & ~unknown, (high < -margin) & ~unknown, (low > margin) & ~unknown
    places = {
        "within the margin": inside.sum(),
        "wholly below the margin": below.sum(),
        "wholly above the margin": above.sum(),
        "across an edge of the margin": (~(inside | below | above | unknown)).sum(),
    }
    found = {place: count for place, count in places.items() if count}
    if not found:
        return "Single or equal pairs give no interval to hold against the margin."
    if len(paired) == 1:  # one setting
        return f"The 95% interval of the difference lies {next(iter(found))}."
    said = ", ".join(f"{place} in {count}" for place, count in found.items())
    single = f" ({unknown.sum()} with single or equal pairs: no interval)" if unknown.any() else ""
    return f"The 95% interval of the difference lies {said} of {len(paired)} settings{single}."
