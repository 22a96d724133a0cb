"""Does a mask have to be this one?"""

import pandas as pd

from analysis.cells import varying
from analysis.estimates import grouped
from analysis.estimates.contrast import contrast
from analysis.estimates.overlaps import ALL, overlaps
from analysis.numbers import number
from analysis.report.findings.finding import (
    Finding,
    difference,
    headings,
    level,
    name,
    percent,
    seeds,
)
from analysis.tables import Results

ORDER = 10
_NOISE = "rounding alone"
_WORDS = {
    _NOISE: "images of a batch summed in another order",
    "data order": "in another data order",
    "scores": "from other scores",
    "method": "on the same weights, scores and order",
}


def find(results: Results) -> Finding | None:
    """How far masks of the same weights agree, by what their trainings differ in."""
    table = overlaps(results)
    if table["overlap"].notna().sum() == 0:
        return None
    by = [field for field in varying(results) if field in table]
    whole = table[table["layer"] == ALL].sort_values("kind", key=_last, kind="stable")
    keys = [*by, "methods", "kind"]
    means = grouped(whole, keys, "overlap")
    plain = grouped(whole, keys, "jaccard")["mean"]
    chance = grouped(whole, keys, "chance")["mean"]
    said = [
        _said(str(methods), str(kind), rows, whole[whole["methods"] == methods], by)
        for (methods, kind), rows in means.groupby(["methods", "kind"], sort=False)
    ]
    rows = [
        (
            *(name(field, row[field]) for field in by),
            (row["methods"], None),
            (row["kind"], None),
            percent(row),
            (number(jaccard * 100, 1), jaccard),
            (number(expected * 100, 1), expected),
            seeds(row),
        )
        for (_, row), jaccard, expected in zip(means.iterrows(), plain, chance, strict=True)
    ]
    columns = ("methods", "differ in", "overlap beyond chance, %", "Jaccard, %", "by chance, %")
    return Finding(
        "mask_overlap",
        "Does the mask have to be this one?",
        tuple(said),
        (*headings(by), *columns, "seeds"),
        tuple(rows),
        "All layers together, chance within each. 0: no more than random masks that change as many "
        "connections of each layer; 100: the same connections. What rounding alone leaves is as "
        "near as two trainings come that differ in nothing that anybody chose.",
    )


def _last(kinds: pd.Series) -> "pd.Series[bool]":
    """Pairs of methods stand behind the methods themselves."""
    return kinds == "method"


def _said(methods: str, kind: str, means: pd.DataFrame, own: pd.DataFrame, by: list[str]) -> str:
    """The sentence on one kind of pairs: their overlap, and beside it what rounding leaves."""
    text = f"{methods}, {_WORDS[kind]}: {level(means)} of the overlap beyond chance"
    noise = contrast(own, [*by, "seed"], "kind", kind, _NOISE, "overlap")
    if kind == _NOISE or noise.empty:
        return f"{text}."
    against = grouped(noise.assign(all=0), [*by, "all"], "difference")
    return f"{text}, {difference(against)} against what rounding alone leaves."
