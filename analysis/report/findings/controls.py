"""Does the mask carry the function, or only how many connections each layer keeps?"""

import pandas as pd

from analysis.cells import ordered, sort, varying
from analysis.estimates.controls import MOVED, RETRAINED, TRAINED, moved, retrained
from analysis.estimates.intervals import grouped
from analysis.report.findings.finding import (
    Entry,
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

ORDER = 20


def find(results: Results) -> Finding | None:
    """Return the accuracy of the trained network with its mask or its weights exchanged."""
    by = varying(results)
    first, second = (sort(results, part, by) for part in (moved(results), retrained(results)))
    if first["accuracy"].notna().sum() + second["accuracy"].notna().sum() == 0:
        return None
    methods = [m for m in ordered(results, "method") if m in {*first["method"], *second["method"]}]
    sentences = [text for m in methods for text in _sentences(by, str(m), first, second)]
    parts = (("no further training", first), ("weights trained under the mask", second))
    rows = [row for words, part in parts for row in _rows(by, words, part)]
    classes = pd.concat([first["classes"], second["classes"]]).dropna().unique()
    chance = f" Chance is {', '.join(f'{100 / n:.1f}' for n in classes)}%." if len(classes) else ""
    return Finding(
        "mask_controls",
        "Does the mask carry the function, or only how many connections each layer keeps?",
        tuple(sentences),
        (*headings(by), "training", "exchanged", "test accuracy, %", "difference, points", "seeds"),
        tuple(rows),
        "Differences are paired by seed: to the network as trained, or to weights trained under "
        f"the unchanged mask.{chance}",
    )


def _sentences(by: list[str], method: str, first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """Return the sentences on one method."""
    sentences = []
    for words, part, reference in (
        (f"{method}, as trained", first, TRAINED),
        (f"Weights trained under the mask of {method}", second, RETRAINED[""]),
    ):
        rows = of_method(part, method)
        if rows["accuracy"].notna().sum() == 0:
            continue
        values = grouped(rows, [*by, "control"], "accuracy")
        changes = grouped(rows, [*by, "control"], "difference")
        others = [
            f"{control}: {difference(of_method(changes, method, control=control))}"
            for control in (MOVED if part is first else RETRAINED).values()
            if control != reference and control in set(rows["control"])
        ]
        unchanged = of_method(values, method, control=reference)
        reached = f"{words}: {level(unchanged)} test accuracy" if len(unchanged) else words
        sentences.append(f"{reached}; {'; '.join(others)}." if others else f"{reached}.")
    return sentences


def _rows(by: list[str], words: str, part: pd.DataFrame) -> list[tuple[Entry, ...]]:
    keys = [*by, "control"]
    known = part.dropna(subset="accuracy")
    values, changes = (grouped(known, keys, column) for column in ("accuracy", "difference"))
    return [
        (
            *(name(field, row[field]) for field in by),
            (words, None),
            (row["control"], None),
            percent(row),
            percent(change, sign=True),
            seeds(row),
        )
        for (_, row), (_, change) in zip(values.iterrows(), changes.iterrows(), strict=True)
    ]
