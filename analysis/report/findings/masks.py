"""Do two trainings end with the same mask?"""

import pandas as pd

from analysis.cells import varying
from analysis.estimates.intervals import grouped
from analysis.estimates.overlaps import ALL, overlaps
from analysis.estimates.pairing import contrast
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
    "data order": "trained in another data order",
    "scores": "trained from other scores",
    "method": "trained on the same weights, scores and data order",
}


def find(results: Results) -> Finding | None:
    """Return how far masks of the same weights agree, by what their trainings differ in."""
    table = overlaps(results)
    if table["overlap"].notna().sum() == 0:
        return None
    by = [field for field in varying(results) if field in table]
    whole = table[table["layer"] == ALL].sort_values("kind", key=_last, kind="stable")
    keys = [*by, "methods", "kind"]
    means = grouped(whole, keys, "overlap")
    plain = grouped(whole, keys, "jaccard")["mean"]
    chance = grouped(whole, keys, "chance")["mean"]
    sentences = [
        _sentence(str(methods), str(kind), rows, whole[whole["methods"] == methods], by)
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
        "Do two trainings end with the same mask?",
        tuple(sentences),
        (*headings(by), *columns, "seeds"),
        tuple(rows),
        "All layers together; chance is computed within each layer. 0%: no more overlap than "
        "random masks that change as many connections of each layer. 100%: the same connections. "
        "Trainings that differ in rounding alone differ in no choice, so their overlap is the "
        "highest that can be expected.",
    )


def _last(kinds: pd.Series) -> "pd.Series[bool]":
    """Return the sorting key that puts pairs of methods after the methods themselves."""
    return kinds == "method"


def _sentence(
    methods: str, kind: str, means: pd.DataFrame, rows: pd.DataFrame, by: list[str]
) -> str:
    """Return the sentence on one kind of pairs: their overlap, compared with rounding alone."""
    text = f"{methods}, {_WORDS[kind]}: {level(means)} overlap beyond chance"
    noise = contrast(rows, [*by, "seed"], "kind", kind, _NOISE, "overlap")
    if kind == _NOISE or noise.empty:
        return f"{text}."
    change = grouped(noise.assign(all=0), [*by, "all"], "difference")
    return f"{text}, {difference(change)} compared with rounding alone."
