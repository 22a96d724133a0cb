"""Comparison of several studies, or versions of a study: the cells that they have in common."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.cells import CELL
from analysis.estimates import interval
from analysis.statistics.paired import Interval
from analysis.tables import Results


@dataclass(frozen=True)
class Beside:
    """A cell that several results have in common.

    Attributes:
        cell: its fields.
        accuracy: for each of the results the mean test accuracy with its 95% t interval; None if
            it does not have the cell.
        difference: for each but the first, its accuracy minus that of the first, paired by seed;
            None if the two have no seed in common.
        equal: for each but the first, whether all pairs of trials have the same accuracy.
    """

    cell: Mapping[str, Hashable]
    accuracy: tuple[Interval | None, ...]
    difference: tuple[Interval | None, ...]
    equal: tuple[bool, ...]


def beside(several: Mapping[str, Results]) -> list[Beside]:
    """Return the cells that at least two of the results have, in order of appearance.

    Args:
        several: results by display name; the first is the reference.
    """
    trials = [
        results.trials[[*CELL, "seed", "test_accuracy"]].assign(number=number)
        for number, results in enumerate(several.values())
    ]
    cells = []
    for key, rows in pd.concat(trials).groupby(list(CELL), sort=False):
        if rows["number"].nunique() > 1:
            by_seed = rows.pivot_table(
                index="seed", columns="number", values="test_accuracy", dropna=False
            )
            cells.append(_cell(dict(zip(CELL, key, strict=True)), by_seed, len(trials)))
    return cells


def _cell(cell: Mapping[str, Hashable], by_seed: pd.DataFrame, count: int) -> Beside:
    columns = [by_seed.get(n) for n in range(count)]
    accuracy = tuple(None if column is None else interval(column) for column in columns)
    differences = [
        pd.Series(dtype=float) if column is None or columns[0] is None else column - columns[0]
        for column in columns[1:]
    ]
    return Beside(
        cell=cell,
        accuracy=accuracy,
        difference=tuple(interval(d) if d.notna().any() else None for d in differences),
        equal=tuple(bool(d.notna().any() and np.all(d.dropna() == 0)) for d in differences),
    )
