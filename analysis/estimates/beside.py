"""Two studies, or two versions of one, side by side: the cells that they have in common."""

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
    """A cell that is in several results.

    Attributes:
        cell: its fields.
        accuracy: of each of the results the mean test accuracy with its 95% t interval; None where
            it does not have the cell.
        difference: of each but the first, its accuracy minus the first's, paired by seed; None
            where the two have no seed in common.
        equal: of each but the first, whether all pairs of trials have the same accuracy.
    """

    cell: Mapping[str, Hashable]
    accuracy: tuple[Interval | None, ...]
    difference: tuple[Interval | None, ...]
    equal: tuple[bool, ...]


def beside(several: Mapping[str, Results]) -> list[Beside]:
    """The cells that two or more of the results have, in the first one's order.

    Args:
        several: results by the names that they are shown under; the first is the reference.
    """
    trials = [
        results.trials[[*CELL, "seed", "test_accuracy"]].assign(number=number)
        for number, results in enumerate(several.values())
    ]
    found = []
    for key, rows in pd.concat(trials).groupby(list(CELL), sort=False):
        if rows["number"].nunique() > 1:
            by_seed = rows.pivot_table(
                index="seed", columns="number", values="test_accuracy", dropna=False
            )
            found.append(_cell(dict(zip(CELL, key, strict=True)), by_seed, len(trials)))
    return found


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
