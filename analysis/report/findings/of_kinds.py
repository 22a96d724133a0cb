"""The finding of a question that asks for several kinds of trials."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import BASELINE, ordered, sort
from analysis.estimates import grouped
from analysis.estimates.contrast import contrast
from analysis.estimates.kinds import Kinds
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


def finding(
    results: Results,
    found: Kinds,
    *,
    figure: str,
    title: str,
    value: str,
    note: str,
    contrasts: Sequence[tuple[str, str]] = (),
    against_dense: Sequence[str] = (),
) -> Finding | None:
    """A table of all kinds and a sentence per method and kind; None without a trial.

    Args:
        results: the study.
        found: its trials by kind.
        figure: the figure that shows them.
        title: the question.
        value: what is measured, in words.
        note: how the table is to be read.
        contrasts: kinds, by how they begin, that are held against another one beside the reference.
        against_dense: likewise those in which the methods are held against dense training.
    """
    rows = sort(results, found.rows.dropna(subset="value"), [*found.by, "method"])
    if rows.empty:
        return None
    keys = [*found.by, "method", "kind"]
    values, changes = (grouped(rows, keys, column) for column in ("value", "difference"))
    methods = [str(m) for m in ordered(results, "method") if m in set(rows["method"])]
    sentences = [
        f"{method}, {kind}: {level(own)} {value}"
        + "".join(_against(found, rows, method, kind, contrasts, against_dense))
        + "."
        for method in methods
        for kind in found.kinds
        if len(own := of_method(values, method, kind=kind))
    ]
    table = [
        (
            *(name(field, row[field]) for field in found.by),
            (row["method"], None),
            (row["kind"], None),
            percent(row, 2),
            percent(change, 2, sign=True),
            seeds(row),
        )
        for (_, row), (_, change) in zip(values.iterrows(), changes.iterrows(), strict=True)
    ]
    columns = ("method", "trained", f"{value}, %", f"minus {found.reference}, points", "seeds")
    return Finding(
        figure, title, tuple(sentences), (*headings(found.by), *columns), tuple(table), note
    )


def _against(
    found: Kinds,
    rows: pd.DataFrame,
    method: str,
    kind: str,
    contrasts: Sequence[tuple[str, str]],
    against_dense: Sequence[str],
) -> list[str]:
    """What a kind is held against, in phrases: the reference, other kinds, dense training."""
    setting = [*found.by, "all"]
    own = of_method(rows, method).assign(all=0)
    said = []
    if kind != found.reference:
        changes = grouped(own[own["kind"] == kind], setting, "difference")
        said.append((f"“{found.reference}”", changes))
    for one, other in contrasts:
        if kind.startswith(one):
            pairs = contrast(own, [*setting, "seed"], "kind", kind, other, "value")
            said.append((f"“{other}”", grouped(pairs, setting, "difference")))
    if kind.startswith(tuple(against_dense)) and method != BASELINE:
        both = rows[rows["kind"] == kind].assign(all=0)
        pairs = contrast(both, [*setting, "seed"], "method", method, BASELINE, "value")
        said.append((f"{BASELINE} likewise", grouped(pairs, setting, "difference")))
    return [f", {difference(table)} against {words}" for words, table in said if len(table)]
