"""The comparisons of a claim: pairs of trials, intervals, tests."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimates.judged import correctness, paired
from analysis.statistics import permutation, resampling
from analysis.statistics.crossed import of_seeds_and_images
from analysis.statistics.paired import Interval, greater, t_interval, tost
from analysis.tables import Results
from analysis.verdicts.claim import MARGIN, Claim, Criterion
from analysis.verdicts.verdict import ALPHA, LEVEL, Comparison
from studies.trial import Value

#: The seed of the bootstraps. Another seed changes their intervals only by chance.
SEED = 20_200_616


def comparisons(
    results: Results, claim: Claim, arms: pd.DataFrame, trials: pd.DataFrame
) -> list[Comparison]:
    """Return the comparisons of a claim: each criterion at each place of the sweep with partners.

    Args:
        results: the study.
        claim: the claim.
        arms: the rows of one cell, over its sweep.
        trials: the trials among which partners are found.
    """
    return [
        comparison
        for criterion in claim.criteria
        for comparison in _of_criterion(results, claim.sweep, criterion, arms, trials)
    ]


def without_diverged_or_dead(comparison: Comparison) -> Comparison:
    """Return the comparison without the pairs in which a trial is diverged or dead."""
    pairs = comparison.pairs
    diverged_or_dead = np.zeros(len(pairs), bool)
    for name in ("outcome", "outcome_of_partner"):
        diverged_or_dead |= (pairs[name] != "completed").to_numpy() if name in pairs else False
    if not diverged_or_dead.any():
        return comparison
    completed = pairs[~diverged_or_dead]
    return _estimate(comparison.criterion, comparison.at, completed, comparison.bound)


def _of_criterion(
    results: Results,
    sweep: Sequence[str],
    criterion: Criterion,
    arms: pd.DataFrame,
    trials: pd.DataFrame,
) -> list[Comparison]:
    """Return the comparisons of one criterion, one per place of the sweep that has partners."""
    value = criterion.value
    if not criterion.decides and arms[value].isna().all():
        return []
    if criterion.against is None:
        pairs = arms.assign(difference=arms[value])
    else:
        pairs = paired(arms, trials, criterion.against, criterion.ignoring, value, criterion.share)
    if pairs.empty:
        return []
    bound = _bound(results, criterion, arms)
    if not sweep:
        return [_estimate(criterion, {}, pairs, bound)]
    places = pairs.sort_values(list(sweep)).groupby(list(sweep), sort=False)
    compared = []
    for key, rows in places:
        at: dict[str, Any] = dict(zip(sweep, key, strict=True))
        compared.append(_estimate(criterion, at, rows, bound))
    return compared


def _bound(results: Results, criterion: Criterion, arms: pd.DataFrame) -> float:
    """Return the criterion's bound as a fraction, or as the logarithm of a ratio."""
    stated = criterion.above if criterion.below is None else criterion.below
    if stated == MARGIN:
        studies = arms["study"].dropna().unique()
        # Only finished trials name their study; without one the strictest margin counts.
        known = [results.margins.get(name, math.nan) for name in studies]
        fallback = math.nan if results.margin is None else results.margin
        margin = min(known or [fallback], key=_nan_first)
        side = 1 if criterion.above is None else -1
        return side * margin / 100
    assert isinstance(stated, float)  # noqa: S101  (a criterion has one of the two)
    return math.log(stated) if criterion.unit == "ratio" else stated


def _nan_first(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _all(flags: "pd.DataFrame | pd.Series[bool]") -> "pd.Series[bool]":
    return flags.all(axis=1) if isinstance(flags, pd.DataFrame) else flags


def _estimate(
    criterion: Criterion, at: Mapping[str, Value], pairs: pd.DataFrame, bound: float
) -> Comparison:
    complete = pairs[pairs["difference"].notna()].sort_values("seed")
    incomplete = pairs[pairs["difference"].isna()]
    ours = incomplete["attempt"].notna()
    theirs = incomplete["attempt_of_partner"].notna() if criterion.against is not None else ours
    first = pairs["first"] if criterion.against is None else pairs[["first", "first_of_partner"]]
    planned, beforehand = _all(first.notna()), _all(first.eq(True))
    differences = complete["difference"].to_numpy(float)
    sign = 1 if criterion.above is not None else -1
    images, mcnemar = _of_images(criterion, complete)
    margin = MARGIN in (criterion.above, criterion.below) and not math.isnan(bound)
    return Comparison(
        criterion=criterion,
        at=at,
        pairs=complete,
        planned=pairs.loc[planned, "seed"].nunique(),
        first=pairs.loc[beforehand, "seed"].nunique(),
        alone=tuple(incomplete.loc[ours != theirs, "seed"].astype(int)),
        unvalued=tuple(incomplete.loc[ours & theirs, "seed"].astype(int)),
        interval=t_interval(differences, LEVEL),
        bound=bound,
        p=greater(sign * differences, sign * bound),
        p_against=greater(-sign * differences, -sign * bound),
        sign_flip=permutation.sign_flip(sign * differences, sign * bound),
        equivalence=tost(differences, abs(bound)) if margin else math.nan,
        bca=resampling.bca(differences, level=LEVEL, seed=SEED),
        images=images,
        mcnemar=mcnemar,
    )


def _of_images(
    criterion: Criterion, pairs: pd.DataFrame
) -> tuple[Interval | None, tuple[int, int] | None]:
    """Return the bootstrap interval over seeds and images, and the counts of McNemar's tests."""
    if criterion.value != "accuracy" or criterion.against is None or len(pairs) < 2:
        return None, None
    ours, theirs = correctness(pairs), correctness(pairs, "_of_partner")
    same_data = (pairs["dataset_fingerprint"] == pairs["dataset_fingerprint_of_partner"]).all()
    if ours is None or theirs is None or ours.shape != theirs.shape or not same_data:
        return None, None
    interval = of_seeds_and_images(
        pairs["difference"], ours, theirs, share=criterion.share
    ).interval(LEVEL)
    p = np.array([resampling.mcnemar(a, b) for a, b in zip(ours, theirs, strict=True)])
    better = ours.sum(axis=1) > theirs.sum(axis=1)
    return interval, (int(((p < ALPHA) & better).sum()), int(((p < ALPHA) & ~better).sum()))
