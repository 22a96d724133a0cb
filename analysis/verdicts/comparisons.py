"""The comparisons of a claim: pairs of trials, estimates, floors."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import LINEAR
from analysis.estimates.judged import correctness
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
    """Return the criterion's bound as a fraction, or as the logarithm of a ratio.

    The margin is the strictest one of the studies that plan the trials of either side.
    """
    stated = criterion.above if criterion.below is None else criterion.below
    if stated == MARGIN:
        planning = definitions_in(results, _any(rows, "defined"))
        names = {study.name for study in planning}  # a trial that none plans names its study
        names = names or {study for study in rows["study"] if isinstance(study, str)}
        margins = [margin for name, margin in results.margins.items() if name in names or not names]
        side = 1 if criterion.above is None else -1
        return side * min(margins, default=math.nan) / 100
    bound = float(stated)  # type: ignore[arg-type]  # a criterion has one of the two
    return math.log(bound) if criterion.unit == "ratio" else bound


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
    possible = _possible(rows)
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
        reasons.add("an accuracy or a changed fraction is not between 0 and 1")
    softmax, floor, behind = _floors(results, claim, comparison)
    return replace(
        comparison,
        softmax=softmax,
        floor=floor,
        behind=behind,
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
    if not same_images(pairs):  # it can be neither shown nor refuted
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


def same_images(pairs: pd.DataFrame) -> bool:
    """Return whether the two sides of all pairs were evaluated on the same data, all of it.

    Values of other data, or of a part of the test images, are no samples of one mean.
    """
    for column in ("dataset_fingerprint", "test_images"):
        names = (f"{column}{suffix}" for suffix in ("", OF_PARTNER))
        values = [pairs[name].to_numpy(object) for name in names if name in pairs]
        if values and len(pd.unique(np.concatenate(values))) > 1:
            return False
    return True


def _possible(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the rows whose accuracies and changed fractions are fractions, or not known."""
    names = (f"{name}{suffix}" for name in ("accuracy", "changed") for suffix in ("", OF_PARTNER))
    values = rows[[name for name in names if name in rows]].to_numpy(float)
    impossible: NDArray[np.bool_] = np.any((values < 0) | (values > 1), axis=1)
    return ~impossible


def _floors(results: Results, claim: Claim, comparison: Comparison) -> tuple[float, str, float]:
    """Return the floors under the rival.

    Returns:
        The accuracy of softmax regression, to which no trial may fall, or nan; in words why the
        rival lies below its floor, empty if it does not; and how far its mean lies below the best
        of its method, a fraction: 0 if the claim does not ask, infinite if no margin would do.
    """
    side, pairs = comparison.criterion.rival, comparison.pairs
    if side is None or pairs.empty:
        return math.nan, "", 0.0
    suffix = OF_PARTNER if side == "partner" else ""
    rival = _rival(pairs, suffix)
    softmax, _ = softmax_regression(results, str(rival["dataset"]))
    softmax = math.nan if rival["network"] == LINEAR else softmax
    failed = _rival_failed(pairs, comparison.criterion)
    if 2 * failed.sum() >= len(pairs):
        who = "a trial behind the value" if comparison.criterion.failures else rival["method"]
        return softmax, f"{who} failed in {failed.sum()} of {len(pairs)} trials", math.inf
    completed = pairs[~failed]
    for end in _sides_that_must_learn(comparison.criterion):
        of_side = rival if end == suffix else _rival(pairs, end)
        mean = float(completed[f"accuracy{end}"].mean())
        if text := below_softmax_regression(results, of_side, mean):
            return softmax, text, math.inf
    if claim.floor != "method":
        return softmax, "", 0.0
    mean = float(completed[f"accuracy{suffix}"].mean())
    margin = LEAST_MARGIN if results.margin is None else results.margin / 100
    if comparison.criterion.has_margin:
        margin = abs(comparison.bound)
    behind, text = behind_best(results, rival, mean, len(pairs), margin)
    return softmax, text, behind


def _rival(pairs: pd.DataFrame, suffix: str) -> dict[str, Hashable]:
    """Return the fields of the rival; what is not the partner's own is common to both sides."""
    names = {n: f"{n}{suffix}" if f"{n}{suffix}" in pairs else n for n in ("method", *LOOKED_UP)}
    return {name: pairs[column].to_numpy()[0] for name, column in names.items()}


def planned_seeds(compared: Sequence[Comparison]) -> int:
    """Return the planned seeds; the finished ones if no definition is recorded."""
    return max(comparison.planned or comparison.estimate.n for comparison in compared)
