"""Pairs of trials: every difference between two trials in this project is made here."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import BASELINE, TASK
from studies.trial import FIELDS

#: What the columns of the other side of a pair end with.
OF_PARTNER = "_of_partner"


def pair(
    rows: pd.DataFrame,
    reference: pd.DataFrame,
    on: Sequence[str],
    value: str,
    *,
    share: float = 1.0,
    keep: Iterable[str] = (),
    unpaired: bool = False,
) -> pd.DataFrame:
    """Return each row with the value of its partner and the difference of the two.

    Args:
        rows: what is compared.
        reference: what it is compared with.
        on: the columns that a row and its partner have in common, the seed among them; nan equals
            nan. A row with several partners has none, because a choice would be arbitrary.
        value: the column that is compared, in both frames.
        share: the fraction of the partner's value that is subtracted.
        keep: further columns of the partner to return.
        unpaired: whether to return rows without a partner, too; their difference is nan.

    Returns:
        The rows in their order, with `difference`, the row's value minus `share` times that of its
        partner, and with the partner's columns named ``*_of_partner``.
    """
    own, theirs = keys(rows, reference, on=on)
    partners = pd.Series(np.arange(len(theirs)), theirs)
    partners = partners[~partners.index.duplicated(keep=False)]
    at = partners.reindex(own, fill_value=-1).to_numpy()
    kept = np.ones(len(rows), bool) if unpaired else at >= 0
    columns = list(dict.fromkeys([value, *keep]))
    other = reference[columns].reset_index(drop=True)
    other = other.reindex(at) if unpaired else other.iloc[at[kept]]  # -1 is no row
    other, pairs = other.add_suffix(OF_PARTNER), rows[kept]
    with np.errstate(invalid="ignore"):  # of two infinite values, it is not known
        difference = pairs[value].to_numpy() - share * other[value + OF_PARTNER].to_numpy()
    if "difference" in pairs:
        pairs = pairs.drop(columns="difference")
    differences = pd.Series(difference, pairs.index, name="difference")
    return pd.concat([pairs, other.set_axis(pairs.index), differences], axis=1)


def keys(*frames: pd.DataFrame, on: Sequence[str]) -> list[NDArray[np.int64]]:
    """Return a number for each row of some frames; rows have the same if they agree in `on`.

    The numbers are compared many times faster than the columns, most of which never vary.
    """
    ends = np.cumsum([len(frame) for frame in frames])
    numbers = np.zeros(int(ends[-1]), np.int64)
    # One array of all columns: taking them one by one costs more than everything else here.
    values = np.concatenate([frame[list(on)].to_numpy(object) for frame in frames])
    for column in values.T if len(values) else ():
        if (column == column[0]).all():
            continue  # most fields never vary
        codes, distinct = pd.factorize(column, use_na_sentinel=False)
        numbers = pd.factorize(numbers * len(distinct) + codes)[0]  # anew, so that none overflows
    return np.split(numbers, ends[:-1])


def differences(trials: pd.DataFrame) -> pd.DataFrame:
    """Return each trial's difference to the dense trial of the same task, which includes the seed.

    Args:
        trials: a row per trial with the trial's fields and its test accuracy.

    Returns:
        The rows of the trials that have such a partner, without dense trials, and a column
        `difference`: the trial's test accuracy minus that of dense.
    """
    is_dense = trials["method"] == BASELINE
    return pair(trials[~is_dense], trials[is_dense], TASK, "test_accuracy")


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
    one, other = (rows[rows[column] == at] for at in (first, second))
    return pair(one, other, same, value)[[*same, "difference"]]


def at_default(rows: pd.DataFrame, names: Iterable[str]) -> "pd.Series[bool]":
    """Return which rows have these fields at their defaults."""
    columns = list(names)
    defaults = np.array([FIELDS[name].default for name in columns], object)
    same = rows[columns].to_numpy(object) == defaults
    return pd.Series(same.astype(bool).all(axis=1), rows.index, dtype=bool)
