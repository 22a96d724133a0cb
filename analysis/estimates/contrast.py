"""The difference between two values of a column, paired by all other columns."""

from collections.abc import Sequence

import pandas as pd


def contrast(
    rows: pd.DataFrame, same: Sequence[str], column: str, first: object, second: object, value: str
) -> pd.DataFrame:
    """Return the differences of a value between rows with two values of a column.

    Args:
        rows: rows with `same`, `column` and `value`.
        same: the columns that a pair has in common, the seed among them.
        column: the column in which a pair differs.
        first: its value in the first row of a pair.
        second: its value in the second row of a pair.
        value: the column that is compared.

    Returns:
        A row per pair: `same`, and `difference`, the first value minus the second in its unit.
    """
    keys = list(same)
    one, other = (rows.loc[rows[column] == at, [*keys, value]] for at in (first, second))
    pairs = one.merge(other, on=keys, suffixes=("", "_of_other"), validate="one_to_one")
    return pairs.assign(difference=pairs[value] - pairs[f"{value}_of_other"])[[*keys, "difference"]]
