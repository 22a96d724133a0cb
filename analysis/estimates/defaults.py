"""The effect of a field off its default, paired by seed, with the other fields at their defaults.

Claim C8: a threshold-free method would have a tuned threshold in disguise if some value of these
fields did much better than the default.
"""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import BASELINE
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import at_default, pair
from studies.trial import FIELDS

#: The fields in which a threshold could hide. Only the ratio of learning rate to score range
#: matters, so the rate stands for both.
HIDDEN = ("learning_rate", "score_offset", "adam_epsilon", "penalty")
VALUE = "test_accuracy"


def sweep(trials: pd.DataFrame, field: str) -> pd.DataFrame:
    """Return the trials in which all fields of `HIDDEN` but this one are at their defaults.

    Args:
        trials: a row per trial with the trial's fields and its test accuracy.
        field: one of `HIDDEN`.

    Returns:
        The rows of those threshold-free methods that have accuracies at the default and at another
        value; their trials without an accuracy are among them.
    """
    others = [name for name in HIDDEN if name != field]
    free = (trials["density"] == 0) & (trials["method"] != BASELINE)
    rows = trials[free & at_default(trials, others)]
    default, known = rows[field] == FIELDS[field].default, rows[VALUE].notna()
    at_and_off = (set(rows.loc[known & of, "method"]) for of in (default, ~default))
    methods = set.intersection(*at_and_off)
    return rows[rows["method"].isin(methods)]


def gains(rows: pd.DataFrame, field: str, within: Sequence[str]) -> pd.DataFrame:
    """Return the accuracy at each value of a field minus that at its default, paired by seed.

    Args:
        rows: rows of `sweep` whose test_accuracy is not nan.
        field: the field that varies.
        within: the fields that both trials of a pair have in common, the method among them.

    Returns:
        A row per value and `within`: these, and the columns of `grouped`, fractions. Rows of the
        default are 0 without an interval; trials without a partner are left out.
    """
    on = [*within, "seed"]
    pairs = pair(rows, rows[at_default(rows, [field])], on, VALUE)
    table = grouped(pairs, [*within, field], "difference")
    table.loc[table[field] == FIELDS[field].default, ["low", "high"]] = float("nan")
    return table
