"""The partners of the trials that a claim judges."""

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
    "failure",
    "engine",
    "device",
    "versions",
    "tf32",
    "dataset_fingerprint",
    "test_images",
    "test_correct",
    "classes",
    "last_epoch",
    "seconds",
    "accuracy",
    "learning_rate",
    "method",
    "network",
    "width",
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
    "caution",
    "seen",
    "not_judged",
    "trained_epochs",
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

    strict, others = [*on, *criterion.preferring], [n for n in on if n not in RECIPE]
    ways = [(arms, partners, strict), (arms, partners, on)]
    if criterion.preferring and "configurations" in partners:
        # One side at its best recipe, the other at the only one it has: a tuning budget of one.
        own, theirs = _has_tuned_recipe(arms), _has_tuned_recipe(partners)
        ways += [(arms[own], partners[~theirs], others), (arms[~own], partners[theirs], others)]
    pairs: list[pd.DataFrame] = []
    cells: set[int] = set()
    for rows, reference, names in ways if criterion.preferring else ways[:1]:
        left = rows[~rows["cell"].isin(cells)]  # all seeds of a cell are treated alike
        if len(left) or not pairs:
            found = pair(left, reference, names, value, share=criterion.share, keep=keep)
            pairs.append(found)
            cells |= set(found["cell"])
    kept = [found for found in pairs if len(found)] or pairs[:1]
    return pd.concat(kept) if len(kept) > 1 else kept[0]


def _has_tuned_recipe(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows[_MARK] == TUNED_VALUES[_MARK]
