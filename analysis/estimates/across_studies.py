"""Comparison of several studies, or versions of a study: the cells that they have in common."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.cells import CELL
from analysis.estimates.intervals import interval
from analysis.estimates.pairing import pair
from analysis.statistics.paired import Interval
from analysis.tables import Results


@dataclass(frozen=True)
class CommonCell:
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


def common_cells(several: Mapping[str, Results]) -> list[CommonCell]:
    """Return the cells that at least two of the results have, in order of appearance.

    Args:
        several: results by display name; the first is the reference.
    """
    trials = [
        results.trials[[*CELL, "seed", "test_accuracy"]].assign(number=number)
        for number, results in enumerate(several.values())
    ]
    return [
        _cell(dict(zip(CELL, key, strict=True)), rows, len(trials))
        for key, rows in pd.concat(trials).groupby(list(CELL), sort=False)
        if rows["number"].nunique() > 1
    ]


def _cell(cell: Mapping[str, Hashable], rows: pd.DataFrame, count: int) -> CommonCell:
    of_each = [rows[rows["number"] == number] for number in range(count)]
    pairs = [pair(own, of_each[0], ["seed"], "test_accuracy") for own in of_each[1:]]
    differences = [of_pair["difference"].dropna() for of_pair in pairs]
    return CommonCell(
        cell=cell,
        accuracy=tuple(interval(own["test_accuracy"]) if len(own) else None for own in of_each),
        difference=tuple(interval(values) if len(values) else None for values in differences),
        equal=tuple(bool(len(values) and (values == 0).all()) for values in differences),
    )
