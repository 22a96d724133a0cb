"""The partners of the trials that a claim judges."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import METHOD_ONLY, RECIPE, TUNED_VALUES
from analysis.estimates.pairing import at_default, pair
from analysis.verdicts.claim import Criterion
from studies.trial import SETTABLE

#: The columns of a partner that verdicts need, besides the compared value.
_OF_PARTNER = (
    "trial_id",
    "attempt",
    "study",
    "defined",
    "committed",
    "outcome",
    "failure",
    "engine",
    "device",
    "versions",
    "dataset_fingerprint",
    "test_images",
    "test_correct",
    "seconds",
    "accuracy",
    "learning_rate",
    "method",
    "network",
    "density",
    "weights",
    "positive_fraction",
    "activation",
    # of arms that are tuned
    "configurations",
    "budget",
    "edge",
    "option_cost",
    "by_options",
    "nested",
)
#: A field that is tuned wherever a recipe is, see `analysis.estimates.tuned`.
_MARK = RECIPE[0]


def with_partners(arms: pd.DataFrame, trials: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """Return the arms that have a partner, planned or finished, with the difference to it.

    Of the ignored fields, those that only a method with scores or a density reads must be at their
    default in the partner. An arm with several partners that differ in ignored fields has none.
    """
    against, value = dict(criterion.against or {}), criterion.value
    ignored = {*criterion.ignoring, *against}
    fits = at_default(trials, set(METHOD_ONLY).intersection(criterion.ignoring).difference(against))
    for name, required in against.items():
        fits &= trials[name] == required
    partners = trials[fits]
    keep = [name for name in _OF_PARTNER if name in partners and name != value]
    on = [name for name in SETTABLE if name not in ignored]

    def paired(rows: pd.DataFrame, others: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        return pair(rows, others, names, value, share=criterion.share, keep=keep)

    every = [paired(arms, partners, [*on, *criterion.preferring])]
    if not criterion.preferring:
        return every[0]
    # All seeds of a cell are treated alike.
    left = arms[~arms["cell"].isin(every[0]["cell"])]
    every.append(paired(left, partners, on))
    if "configurations" in partners:
        # One side at its best recipe, the other at the only one it has: a tuning budget of one.
        left = left[~left["cell"].isin(every[1]["cell"])]
        others = [name for name in on if name not in RECIPE]
        own, theirs = _has_tuned_recipe(left), _has_tuned_recipe(partners)
        every += [
            paired(left[own], partners[~theirs], others),
            paired(left[~own], partners[theirs], others),
        ]
    return pd.concat([pairs for pairs in every if len(pairs)] or every[:1])


def _has_tuned_recipe(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows[_MARK] == TUNED_VALUES[_MARK]
