"""The comparisons of a claim: pairs of trials, estimates, floors."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import LINEAR
from analysis.estimates.judged import IMPOSSIBLE, correctness, fractions, unlike
from analysis.estimates.pairing import OF_PARTNER
from analysis.statistics.crossed import of_seeds_and_images
from analysis.statistics.paired import Estimate, of_values
from analysis.tables import Results
from analysis.verdicts.budgets import within_budgets
from analysis.verdicts.claim import MARGIN, Claim, Criterion
from analysis.verdicts.committed import definitions_in, seeds_committed, still_planned
from analysis.verdicts.floors import (
    LEAST_MARGIN,
    LOOKED_UP,
    above_floor,
    behind_best,
    below_softmax_regression,
    softmax_regression,
)
from analysis.verdicts.partners import with_partners
from analysis.verdicts.verdict import Comparison


def comparisons(
    results: Results, claim: Claim, arms: pd.DataFrame, trials: pd.DataFrame
) -> dict[int, list[Comparison]]:
    """Return the comparisons of a claim: each criterion at each place of the sweep with partners.

    Args:
        results: the study.
        claim: the claim.
        arms: the rows that are judged, with `cell`, the number of their cell.
        trials: the trials among which partners are found.

    Returns:
        The comparisons of each cell that has some, by its number.
    """
    by_cell: dict[int, list[Comparison]] = {}
    for criterion in claim.criteria:
        for cell, comparison in _of_criterion(results, claim, criterion, arms, trials):
            by_cell.setdefault(cell, []).append(comparison)
    return by_cell


def without_failures(comparison: Comparison) -> Comparison:
    """Return the comparison without the pairs in which a trial is diverged, dead or at chance."""
    failed = np.logical_or.reduce([_failed(comparison.pairs, side) for side in ("arm", "partner")])
    return _estimated(comparison, comparison.pairs[~failed]) if failed.any() else comparison


def with_best_rival(comparison: Comparison) -> Comparison:
    """Return the comparison with each failure of the rival replaced by its best completed run.

    A trial that does not exceed softmax regression is a failure of the rival, too. Values that are
    no accuracies have no such run: their pairs are left out.
    """
    side, pairs = comparison.criterion.rival, comparison.pairs.copy()
    suffix = OF_PARTNER if side == "partner" else ""
    accuracy = f"accuracy{suffix}"
    failed = _rival_failed(pairs, comparison.criterion)
    for end in _sides_that_must_learn(comparison.criterion):
        failed |= pairs[f"accuracy{end}"].to_numpy(float) <= comparison.softmax
    if side is None or not failed.any() or failed.all():
        return comparison
    if not comparison.criterion.of_accuracies:
        return _estimated(comparison, comparison.pairs[~failed])
    best = pairs[~failed].sort_values(accuracy, kind="stable").iloc[-1]
    gain = np.where(failed, best[accuracy] - pairs[accuracy], 0.0)
    sign = -comparison.criterion.share if side == "partner" else 1.0
    for name in ("difference", "difference_against"):
        pairs[name] = pairs[name] + sign * gain
    for name in (accuracy, f"test_correct{suffix}"):
        pairs[name] = [best[name] if f else own for f, own in zip(failed, pairs[name], strict=True)]
    return _estimated(comparison, pairs)


def _sides_that_must_learn(criterion: Criterion) -> tuple[str, ...]:
    """Return the suffixes of the sides that must exceed softmax regression, the rival's first.

    They are the rival, or both sides where trials of both are behind a value that is no accuracy: a
    method that learns nothing has no regret.
    """
    if criterion.rival is None:
        return ()
    sides = ("", OF_PARTNER) if criterion.rival == "arm" else (OF_PARTNER, "")
    return sides if criterion.failures else sides[:1]


def _rival_failed(pairs: pd.DataFrame, criterion: Criterion) -> NDArray[np.bool_]:
    """Return the pairs in which a trial has failed whose failure helps the claim."""
    if not criterion.failures:
        return _failed(pairs, criterion.rival)
    failed = np.zeros(len(pairs), bool)
    for name in criterion.failures:
        failed |= _failures(pairs, name)
    return failed


def _failed(pairs: pd.DataFrame, side: str | None) -> NDArray[np.bool_]:
    name = f"failure{OF_PARTNER if side == 'partner' else ''}"
    if side is None or name not in pairs:
        return np.zeros(len(pairs), bool)
    return _failures(pairs, name)


def _failures(pairs: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    return np.array([isinstance(failure, str) and failure != "" for failure in pairs[name]], bool)


def _of_criterion(
    results: Results,
    claim: Claim,
    criterion: Criterion,
    arms: pd.DataFrame,
    trials: pd.DataFrame,
) -> Iterator[tuple[int, Comparison]]:
    """Yield the comparisons of one criterion with the numbers of their cells."""
    value = criterion.value
    if not criterion.decides:
        arms = arms[arms.groupby("cell", sort=False)[value].transform("count") > 0]
    pairs = (
        arms.assign(difference=arms[value])
        if criterion.against is None
        else with_partners(arms, trials, criterion)
    )
    pairs = within_budgets(results, pairs.copy(), claim, criterion)  # a copy is in one piece
    places = pairs.sort_values([*claim.sweep, "seed"], kind="stable")
    for key, rows in places.groupby(["cell", *claim.sweep], sort=False):
        of_group: tuple[Any, ...] = key
        at: dict[str, Any] = dict(zip(claim.sweep, of_group[1:], strict=True))
        yield int(of_group[0]), _compared(results, claim, criterion, at, rows)


def _bound(results: Results, criterion: Criterion, rows: pd.DataFrame) -> float:
    """Return the criterion's bound as a fraction, or as the logarithm of a ratio."""
    stated = criterion.above if criterion.below is None else criterion.below
    if stated == MARGIN:
        side = 1 if criterion.above is None else -1
        return side * _margin(results, rows)
    bound = float(stated)  # type: ignore[arg-type]  # a criterion has one of the two
    return math.log(bound) if criterion.unit == "ratio" else bound


def _margin(results: Results, rows: pd.DataFrame) -> float:
    """Return the margin of pairs as a fraction: the strictest of the studies that plan a side.

    Returns:
        nan if there is a pair for which no study that plans both of its sides states a margin, nor
        one study for each side: no study has the margin of another.
    """
    sides = [f"defined{OF_PARTNER}"] if f"defined{OF_PARTNER}" in rows else []
    names = [n for side in ("defined", *sides) for n in (side, side.replace("defined", "study"))]
    margins = [math.inf]
    for values in rows[names].drop_duplicates().itertuples(index=False):
        planning = [_planning(results, *values[at : at + 2]) for at in range(0, len(names), 2)]
        stated = [studies & results.margins.keys() for studies in planning]
        both = set.intersection(*planning)
        if not all(stated) or (both and not both & results.margins.keys()):
            return math.nan
        margins += [results.margins[name] for name in set.union(*stated)]
    return min(margins) / 100 if len(margins) > 1 else math.nan


def _planning(results: Results, defined: float, study: object) -> set[str]:
    """Return the studies that plan a trial; that which has it if none does."""
    bits = 0 if math.isnan(defined) else int(defined)
    planning = {study.name for study in definitions_in(results, bits)}
    return planning or {study for study in (study,) if isinstance(study, str)}


def _any(rows: pd.DataFrame, name: str) -> int:
    """Return the definitions that are in a column of sets, of either side."""
    columns = [rows[n] for n in (name, f"{name}{OF_PARTNER}") if n in rows]
    sets = [column.fillna(0).to_numpy(np.int64) for column in columns]
    return int(np.bitwise_or.reduce(np.concatenate(sets)))


def _compared(
    results: Results, claim: Claim, criterion: Criterion, at: Mapping[str, Any], rows: pd.DataFrame
) -> Comparison:
    sides = ["", OF_PARTNER][: 1 + (criterion.against is not None)]
    planned = rows["defined"].to_numpy() != 0
    if planned.any():  # what no definition plans stands for nothing that one does
        rows = rows[planned]
        finished, committed = _finished_and_committed(rows, sides)
        rows = rows[still_planned(results, committed, np.logical_or.reduce(finished))]
    finished, committed = _finished_and_committed(rows, sides)
    seeds = rows["seed"].to_numpy()
    known = rows["difference"].notna().to_numpy() | rows["difference_against"].notna().to_numpy()
    possible = fractions(rows)
    counted = known & possible
    complete = rows if counted.all() else rows[counted]
    alone = ~known & finished.any(axis=0) & ~finished.all(axis=0)
    comparison = Comparison(
        criterion=criterion,
        at=at,
        pairs=complete,
        planned=len(rows) if planned.any() else 0,
        committed=seeds_committed(results, committed),
        alone=tuple(map(int, seeds[alone])),
        unvalued=tuple(map(int, seeds[~known & finished.all(axis=0)])),
        bound=_bound(results, criterion, rows),
        definitions=_any(rows, "committed"),
        estimate=_NOTHING,
        against=_NOTHING,
        over_images=False,
    )
    comparison = replace(
        _estimated(comparison, complete), complete=len(complete) >= comparison.planned
    )
    columns = (rows[n] for n in ("not_judged", f"not_judged{OF_PARTNER}") if n in rows)
    reasons = {text for column in columns for text in column if isinstance(text, str) and text}
    if not possible.all():
        reasons.add(IMPOSSIBLE)
    return replace(
        _with_floor(results, claim, comparison),
        not_judged="; ".join(sorted(reasons)),
        nested=all(all(rows[n]) for n in ("nested", f"nested{OF_PARTNER}") if n in rows),
    )


def _finished_and_committed(
    rows: pd.DataFrame, sides: Sequence[str]
) -> tuple[NDArray[np.bool_], list[NDArray[np.int64]]]:
    """Return which trials of each side are finished, and what committed itself to each."""
    finished = np.stack([rows[f"attempt{side}"].notna().to_numpy() for side in sides])
    seen = np.logical_and.reduce([_marked(rows, f"seen{side}") for side in sides])
    columns = (rows[f"committed{side}"].fillna(0).to_numpy(np.int64) for side in sides)
    return finished, [np.where(seen, 0, column) for column in columns]


def _marked(rows: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return a column of marks; none where there is no such column, or no partner."""
    return rows[name].eq(True).to_numpy(bool) if name in rows else np.zeros(len(rows), bool)


_NOTHING = Estimate(math.nan, math.nan, 1.0, 0)


def _estimated(comparison: Comparison, pairs: pd.DataFrame) -> Comparison:
    """Return a comparison with the estimates from these pairs."""
    criterion = comparison.criterion
    bits = _answers(criterion, pairs)
    support, against = (
        _estimate(pairs[name].to_numpy(float), bits, criterion.share)
        for name in ("difference", "difference_against")
    )
    if unlike(pairs):  # it can be neither shown nor refuted
        support = against = replace(_NOTHING, n=len(pairs))
    return replace(
        comparison,
        pairs=pairs,
        estimate=support,
        against=against,
        over_images=bits is not None,
    )


def _estimate(
    differences: NDArray[np.float64],
    bits: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None,
    share: float,
) -> Estimate:
    known = ~np.isnan(differences)
    if bits is None or known.sum() < 2:
        return of_values(differences[known])
    arm, reference = (side[known] for side in bits)
    return of_seeds_and_images(differences[known], arm, reference, share=share)


def _answers(
    criterion: Criterion, pairs: pd.DataFrame
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return the answers to each test image of both sides; None if they cannot be compared."""
    if not criterion.of_accuracies or len(pairs) < 2:
        return None
    ours, theirs = correctness(pairs), correctness(pairs, OF_PARTNER)
    return None if ours is None or theirs is None or ours.shape != theirs.shape else (ours, theirs)


def _with_floor(results: Results, claim: Claim, comparison: Comparison) -> Comparison:
    """Return the comparison with the floors under the rival."""
    criterion, pairs = comparison.criterion, comparison.pairs
    if criterion.rival is None or pairs.empty:
        return comparison
    suffix = OF_PARTNER if criterion.rival == "partner" else ""
    rival = _rival(pairs, suffix)
    softmax, _ = softmax_regression(results, str(rival["dataset"]), len(pairs))
    softmax = math.nan if rival["network"] == LINEAR else softmax
    comparison = replace(comparison, softmax=softmax)
    failed = _rival_failed(pairs, criterion)
    if 2 * failed.sum() >= len(pairs):
        who = "a trial behind the value" if criterion.failures else rival["method"]
        text = f"{who} failed in {failed.sum()} of {len(pairs)} trials"
        return replace(comparison, floor=text, behind=math.inf)
    completed = pairs[~failed]
    for end in _sides_that_must_learn(criterion):
        of_side = rival if end == suffix else _rival(pairs, end)
        mean = float(completed[f"accuracy{end}"].mean())
        if text := below_softmax_regression(results, of_side, mean, len(pairs)):
            return replace(comparison, floor=text, behind=math.inf)
    if not criterion.has_margin and claim.floor != "method":
        return comparison  # no margin counts
    mean = float(completed[f"accuracy{suffix}"].mean())
    margin = _margin_of_floor(results, comparison)
    above, text = above_floor(results, rival, mean, len(pairs), margin)
    behind, too_far = 0.0, ""
    if claim.floor == "method":
        behind, too_far = behind_best(results, rival, mean, len(pairs), margin)
    return replace(comparison, floor=text or too_far, behind=behind, above=above)


def _margin_of_floor(results: Results, comparison: Comparison) -> float:
    """Return the margin of the floor; nan if the study must state one and does not.

    Where no margin decides, a study need not state one.
    """
    if comparison.criterion.has_margin:
        return abs(comparison.bound)
    margin = _margin(results, comparison.pairs)
    return LEAST_MARGIN if math.isnan(margin) else margin


def _rival(pairs: pd.DataFrame, suffix: str) -> dict[str, Hashable]:
    """Return the fields of the rival; what is not the partner's own is common to both sides."""
    names = {n: f"{n}{suffix}" if f"{n}{suffix}" in pairs else n for n in ("method", *LOOKED_UP)}
    return {name: pairs[column].to_numpy()[0] for name, column in names.items()}


def planned_seeds(compared: Sequence[Comparison]) -> int:
    """Return the planned seeds; the finished ones if no definition is recorded."""
    return max(comparison.planned or comparison.estimate.n for comparison in compared)
