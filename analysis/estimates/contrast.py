"""Two values of one column held against each other, pair by pair."""

from collections.abc import Sequence

import pandas as pd


def contrast(
    rows: pd.DataFrame, same: Sequence[str], column: str, one: object, other: object, value: str
) -> pd.DataFrame:
    """What a value is with `one` in a column minus what it is with `other`, all else the same.

    Args:
        rows: with `same`, `column` and `value`.
        same: what a pair has in common, the seed among it.
        column: what the two differ in.
        one: its value in the first of a pair.
        other: in the second.
        value: what is compared.

    Returns:
        A row per pair: `same`, and `difference` in the unit of the value.
    """
    keys = list(same)
    first, second = (rows.loc[rows[column] == at, [*keys, value]] for at in (one, other))
    pairs = first.merge(second, on=keys, suffixes=("", "_of_other"), validate="one_to_one")
    return pairs.assign(difference=pairs[value] - pairs[f"{value}_of_other"])[[*keys, "difference"]]
