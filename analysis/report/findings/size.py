"""How many connections can still affect the output?"""

import pandas as pd

from analysis.cells import heading, ordered, shown, sort, varying
from analysis.estimates.intervals import grouped
from analysis.estimates.one_factor import one_at_a_time
from analysis.estimates.pairing import contrast
from analysis.estimates.sizes import MEASURES, VARIED, sizes
from analysis.report.findings.finding import (
    Finding,
    difference,
    headings,
    level,
    name,
    of_method,
    percent,
    seeds,
)
from analysis.tables import Results

ORDER = 30
_WORDS = {
    "connected_share": "connected",
    "live_share": "live",
    "live_changed_share": "changed among live connections",
}


def find(results: Results) -> Finding | None:
    """Return the effective size, and how it depends on what the study varies."""
    by = varying(results)
    trials = sort(results, sizes(results), by)
    if trials.empty:
        return None
    methods = [str(m) for m in ordered(results, "method") if m in set(trials["method"])]
    sentences = [_level(by, trials, method) for method in methods]
    sentences += [
        text
        for method in methods
        for axis, rows in one_at_a_time(of_method(trials, method), VARIED)
        for text in _along(by, method, axis, rows)
    ]
    tables = [grouped(trials, by, measure) for measure in MEASURES]
    rows = [
        (
            *(name(field, cells[0][field]) for field in by),
            *(percent(cell) for cell in cells),
            seeds(cells[0]),
        )
        for cells in zip(*([row for _, row in table.iterrows()] for table in tables), strict=True)
    ]
    return Finding(
        "effective_size",
        "How many connections can still affect the output?",
        tuple(sentences),
        (*headings(by), "connected, %", "live, %", "changed among live, %", "seeds"),
        tuple(rows),
        "Connected: on a path of kept or flipped connections from a pixel to a class, in percent "
        "of all connections. Live: connections that can move the output for some training image. "
        "How many connections are changed depends strongly on where the scores start, and so may "
        "the number that is left: an effective size depends on the training, not on the task "
        "alone.",
    )


def _level(by: list[str], rows: pd.DataFrame, method: str) -> str:
    trials = of_method(rows, method)
    levels = [
        f"{level(table)} {words}"
        for measure, words in _WORDS.items()
        if len(table := grouped(trials, by, measure).dropna(subset="mean"))
    ]
    return f"{method}: {', '.join(levels)}."


def _along(by: list[str], method: str, axis: str, rows: pd.DataFrame) -> list[str]:
    """Return how the connected fraction changes from one end of an axis to the other."""
    first, last = sorted(rows[axis].unique())[:: rows[axis].nunique() - 1]
    same = [field for field in by if field != axis]
    pairs = contrast(rows, [*same, "seed"], axis, last, first, "connected_share")
    change = grouped(pairs, same, "difference")
    ends = f"{shown(axis, first)} to {shown(axis, last)}"
    return [f"{method}, {heading(axis)} from {ends}: connected {difference(change)}."]
