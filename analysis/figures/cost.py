"""The cost of training connections relative to training weights, and the time to an accuracy."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, heading, methods_in
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import arm_fields, other_fields
from analysis.drawing.limits import Limits
from analysis.drawing.marks import Mark, from_table
from analysis.drawing.notes import sentences
from analysis.drawing.panels import panels, styles_of
from analysis.drawing.rows import RowPanel, Rows, RowSide, Slot
from analysis.estimates.costs import REACHED, comparable, epoch_seconds, quartiles, timed
from analysis.numbers import many, number
from analysis.tables import Results
from analysis.verdicts.claims.cost import COST

ORDER = 70
QUESTION = "cost"
TITLE = "Cost of training"
CAPTION = (
    "Left: training time of an epoch, without evaluation, in ratio to dense training on the same "
    f"task. Left of the dashed line ({COST:g}) the cost counts as similar. Right: training time "
    f"until the test accuracy first reaches {REACHED:.0%} of the final accuracy of dense training."
)
#: A view holds at most this many times the largest median.
_FARTHEST = 2.0


def summarise(results: Results) -> Rows:
    """Return the seconds of an epoch in ratio to dense, and the seconds to an accuracy."""
    trials = timed(results, everywhere=True).merge(epoch_seconds(results.epochs), on="attempt")
    kept = comparable(trials)
    if set(kept["method"]) <= {BASELINE}:
        raise NothingToDraw(
            f"No trial ran on the same task, engine and device as a trial of {BASELINE}."
        )
    kept["to_accuracy"] = np.exp(kept["log_seconds"]).fillna(np.inf)
    methods = methods_in(results, kept)
    by = [name for name in other_fields(results) if kept[name].nunique() > 1]
    drawn = []
    for panel in panels(results, kept, by):
        epoch, whole = (_marks(panel.rows, value) for value in ("epoch_ratio", "to_accuracy"))
        sides = _epoch(epoch, methods), _whole(panel.rows, whole, methods)
        drawn.append(RowPanel(panel.title, sides))
    note = _note(results, trials, kept)
    return Rows(tuple(drawn), styles_of(results, kept), note, in_legend=False)


def _marks(rows: pd.DataFrame, value: str) -> dict[str, Mark]:
    """Return per method the median and the quartiles of the trials, with a point per trial."""
    table = quartiles(rows, ["method"], value).replace(np.inf, np.nan)
    marks = {}
    for mark in from_table(table, scale=1):
        values = rows.loc[rows["method"] == mark.method, value]
        seeds = tuple(values[np.isfinite(values)])
        marks[mark.method] = replace(mark, seeds=seeds, word="median")
    return marks


def _epoch(marks: Mapping[str, Mark], methods: list[str]) -> RowSide:
    ends = [e for mark in marks.values() for e in (mark.mean, mark.low, mark.high)]
    low, high = min(*ends, 1.0), max(*ends, COST)
    room = 0.08 * (high - low)
    return RowSide(
        "training time of an epoch",
        f"seconds, in ratio to {BASELINE}",
        (low - room, high + room),
        tuple(Slot(name, (marks[name],)) for name in methods if name in marks),
        guides=((1.0, "zero"), (COST, "bound")),
    )


def _whole(rows: pd.DataFrame, marks: Mapping[str, Mark], methods: list[str]) -> RowSide:
    """Return the seconds to the accuracy, and how many trials never reach it."""
    never = np.isinf(rows["to_accuracy"]).groupby(rows["method"]).agg(["sum", "size"])
    texts = {m: f"{row['sum']} of {row['size']} never" for m, row in never.iterrows() if row["sum"]}
    dense = rows.loc[rows["method"] == BASELINE, "test_accuracy"].mean()
    return RowSide(
        f"training time to an accuracy of {number(100 * REACHED * dense, 1)}%",
        "training time (s)",
        _view_of_times(marks),
        tuple(Slot(name, (marks[name],), texts.get(name, "")) for name in methods if name in marks),
    )


def _view_of_times(marks: Mapping[str, Mark]) -> Limits:
    medians = [mark.mean for mark in marks.values() if not np.isnan(mark.mean)]
    ends = [e for m in marks.values() for e in (m.high, m.mean) if not np.isnan(e)]
    longest = min(max(ends, default=1.0), _FARTHEST * max(medians, default=1.0))
    return 0.0, 1.08 * longest


def _note(results: Results, trials: pd.DataFrame, kept: pd.DataFrame) -> str:
    """Return the note: where the times are from, what is shown, what is left out."""
    machines = f" on {kept['host'].nunique()} machines" if kept["host"].nunique() > 1 else ""
    never, missing = int(np.isinf(kept["to_accuracy"]).sum()), len(trials) - len(kept)
    pooled = " or ".join(map(heading, arm_fields(results)))
    return sentences(
        f"Times of {many(len(kept), 'trial')} ({_conditions(kept)}){machines}, measured while "
        "other trials ran on the same machine; `make bench` measures methods in turn.",
        "Small points: one trial each (left: the median of its epochs). Mark and bar: median and "
        f"quartiles of the trials. Dashed: the bound of C5, {COST:g}.",
        "The time to an accuracy is measured in whole epochs.",
        f"{many(never, 'trial')} never reached it and counted as later than all others."
        if never
        else "",
        f"Trials that differ in {pooled} share a row." if pooled else "",
        f"{many(missing, 'trial')} left out: no {BASELINE} on the same task, engine and device."
        if missing
        else "",
    )


def _conditions(kept: pd.DataFrame) -> str:
    """Return the engines and devices of the trials."""
    pairs = kept[["engine", "device"]].drop_duplicates().itertuples(index=False)
    return "; ".join(f"engine {engine}, {device}" for engine, device in pairs)
