"""A study's outcome in plain sentences, without a verdict."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import (
    BASELINE,
    common,
    heading,
    label,
    ordered,
    panel_fields,
    tuned_fields,
    varying,
)
from analysis.drawing.arms import above_floor, floor
from analysis.drawing.notes import sentences
from analysis.estimates.summary import summary
from analysis.numbers import span
from analysis.tables import Results
from studies.trial import FIELDS, REQUIRED


def subject(results: Results) -> str:
    """Return what all cells have in common, in a few words: network, data set, epochs."""
    shared = common(results)
    names: list[str] = [n for n in ("network", "dataset", "epochs") if n in shared]
    names += [n for n in shared if n not in (*REQUIRED, "density") and shared[n] != _default(n)]
    values: dict[str, object] = {name: shared[name] for name in names}
    compared = f"compared: {', '.join(map(heading, [*panel_fields(results), 'method']))}"
    if tuned_fields(results):
        compared += f"; tuned: {', '.join(map(heading, tuned_fields(results)))}"
    return f"{label(values)}; {compared}" if values else compared


def _default(name: str) -> object:
    return FIELDS[name].default


def estimates(results: Results) -> dict[str, Any]:
    """Return what came out without a verdict: which cells count, and sentences per method.

    Returns:
        `lead`, a sentence on the cells and the margin; `methods`, each method with its sentences;
        empty before a trial is finished.
    """
    cells = summary(results)
    done = above_floor(results, cells[cells["n"] > 0])
    methods = [
        (str(method), _of_method(str(method), rows, results.margin))
        for method, rows in done.groupby("method", sort=False)
    ]
    return {"lead": lead(results), "methods": methods}


def lead(results: Results) -> str:
    """Return which cells the ranges in `estimates` cover, and the margin they are compared with."""
    fields = list(dict.fromkeys([*varying(results), "network"]))
    rows = above_floor(results, pd.concat([results.plan[fields], results.trials[fields]]))
    axes = [name for name in fields if name != "method" and rows[name].nunique() > 1]
    text = "Means over seeds."
    if axes:
        count, values = len(rows[axes].drop_duplicates()), _axes(results, rows, axes)
        text += f" A range covers all cells of a method ({count} combinations of {values})."
    if results.margin is not None and (rows["method"] == BASELINE).any():
        text += f" A difference of up to {results.margin:g} points (the margin) counts as none."
    return sentences(text, floor(results))


def _axes(results: Results, rows: pd.DataFrame, names: list[str]) -> str:
    """Return the fields that differ among the rows, with their values if there are few."""
    axes = []
    for name in names:
        found = set(rows[name])
        values = [str(value) for value in ordered(results, name) if value in found]
        axes.append(f"{heading(name)}: {', '.join(values)}" if len(values) <= 5 else heading(name))
    return "; ".join(axes)


def _of_method(method: str, rows: pd.DataFrame, margin: float | None) -> str:
    text = f"{span(rows['accuracy'], 2)}% test accuracy"
    if method == BASELINE:
        return f"{text}."
    paired = rows[rows["pairs"] > 0]
    if len(paired):
        difference = span(paired["difference"], 2, sign=True)
        text += f", {difference} points relative to {BASELINE} from the same weights"
    text += f", with {span(rows['changed'], 1)}% of the connections changed."
    if len(paired) and margin is not None:
        text += f" {_against_margin(paired, margin)}"
    return text


def _against_margin(paired: pd.DataFrame, margin: float) -> str:
    """Return where the intervals of the differences lie relative to the margin, in points."""
    low, high = paired["difference_low"] * 100, paired["difference_high"] * 100
    lying = {
        "lies within the margin": (low >= -margin) & (high <= margin),
        "lies entirely below the margin": high < -margin,
        "lies entirely above the margin": low > margin,
        "crosses the margin": low.notna(),
    }
    counts = Counter(np.select(list(lying.values()), list(lying), "").tolist())
    places = {place: counts[place] for place in lying if place in counts}
    if not places:
        return (
            "There is no interval to compare with the margin: a single pair, or all pairs are "
            "equal."
        )
    if len(paired) == 1:
        return f"The 95% interval of the difference {next(iter(places))}."
    text = ", ".join(f"{place} in {count}" for place, count in places.items())
    text = f"The 95% interval of the difference {text} of {len(paired)} cells"
    if unknown := counts[""]:
        text += f"; in {unknown} there is no interval (a single pair, or all pairs are equal)"
    return f"{text}."
