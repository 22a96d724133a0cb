"""Conclusions: from a claim's comparisons to a verdict on each cell."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.cells import heading
from analysis.estimates.judged import unlike
from analysis.statistics import multiple, power
from analysis.tables import Results, computed_once
from analysis.verdicts.cases import Case, cases, each_is_needed
from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import every_claim
from analysis.verdicts.comparisons import (
    planned_seeds,
    with_best_rival,
    without_failures,
)
from analysis.verdicts.exploratory import adjusted
from analysis.verdicts.verdict import ALPHA, EXPLORATORY, Comparison, Conclusion, Verdict
from analysis.verdicts.warnings import failures, flags

#: What stands in the place of failures: of accuracies, and of values that are made of these.
_REPLACED = ("with its best completed run in their place", "without their pairs")


@computed_once
def all_verdicts(results: Results, claims: tuple[Claim, ...]) -> tuple[Verdict, ...]:
    """Return the verdicts on all claims whose cells the results have, in the claims' order."""
    every = [case for claim in claims for case in cases(results, claim)]
    q = adjusted([c for case in every if case.exploratory for c in case.deciding])
    return tuple(_verdict(results, case, q) for case in every)


def verdicts(results: Results, claims: tuple[Claim, ...] | None = None) -> tuple[Verdict, ...]:
    """Return the verdicts on claims whose cells the results have, in the claims' order.

    All claims are judged, because the correction of exploratory verdicts counts all of their
    comparisons, whichever are shown.
    """
    wanted = every_claim() if claims is None else claims
    judged = all_verdicts(results, tuple(dict.fromkeys([*every_claim(), *wanted])))
    return tuple(verdict for claim in wanted for verdict in judged if verdict.claim is claim)


def untested(given: Sequence[Verdict], claims: Iterable[Claim] | None = None) -> list[Claim]:
    """Return the claims without a verdict, because the results lack their cells."""
    tested = {verdict.claim.id for verdict in given}
    return [c for c in (every_claim() if claims is None else claims) if c.id not in tested]


def lack(results: Results, claim: Claim) -> str:
    """Return in a few words what results lack that give no verdict on a claim."""
    if claim.study.startswith("make "):
        return f"measured by `{claim.study}`"
    trials = claim.trials(results)
    arms = trials if trials.empty else trials[claim.arms(trials)]
    if arms.empty:
        return "no such cells"
    if claim.sweep and len(arms[list(claim.sweep)].drop_duplicates()) < claim.least:
        return f"fewer than {claim.least} values of {heading(claim.sweep[0])}"
    return "no cell to compare them with, or more than one"


def _verdict(results: Results, case: Case, adjusted: Mapping[int, Mapping[str, Any]]) -> Verdict:
    if case.exploratory:
        comparisons = tuple(replace(c, **adjusted.get(id(c), {})) for c in case.comparisons)
        case = replace(case, comparisons=comparisons)
    deciding = case.deciding
    plain, conclusion, reason = _concluded(case)
    completed = [without_failures(comparison) for comparison in deciding]
    without = conclusion
    if any(a is not b for a, b in zip(completed, deciding, strict=True)):
        if case.claim.sweep:  # a place without completed pairs says nothing
            completed = [comparison for comparison in completed if len(comparison.pairs)]
        decided = _decide(case, completed)[0] if completed else "undecided"
        without = _worded(case, decided)
    counts = deciding if plain != "refuted" else [c for c in deciding if c.complete]
    return Verdict(
        claim=case.claim,
        cell=case.cell,
        comparisons=case.comparisons,
        conclusion=conclusion,
        uncorrected=plain,
        reason=reason,
        n=min(len(comparison.pairs) for comparison in counts),
        planned=planned_seeds(deciding),
        without_diverged_or_dead=without,
        failures=failures(deciding),
        exploratory=case.exploratory,
        smallest_margin=_smallest_margin(case),
        added=case.added,
        flags=flags(
            results, case.cell, case.claim, [c for c in case.comparisons if c.criterion.decides]
        ),
    )


def _smallest_margin(case: Case) -> float:
    """Return the smallest margin that would be supported; nan if none would, or none decides.

    With a smaller margin, the rival may also lie less far below the best mean of its method.
    Softmax regression must not lie within the margin of it, and its failures must not decide. No
    margin helps where seeds are missing, or where a criterion without a margin is not met.
    """
    deciding = [c for c in case.deciding if c.criterion.has_margin]
    others = [c for c in case.deciding if not c.criterion.has_margin]
    blocked = case.no_support or case.neither or case.unequal
    unmet = any(not c.complete for c in deciding) or any(not c.p < ALPHA for c in others)
    if blocked or unmet or not deciding:
        return math.nan
    reached = [c.smallest_margin for one in deciding for c in (one, with_best_rival(one))]
    margins = sorted(float(np.max([*reached, one.behind])) for one in deciding)  # nan if one is
    return next((m for m in margins if _enough_pass(case.claim, deciding, m)), math.nan)


def _enough_pass(claim: Claim, deciding: Sequence[Comparison], margin: float) -> bool:
    """Return whether as many comparisons as a claim needs pass the floor with a margin."""
    passing = [one for one in deciding if one.behind <= margin < one.above]
    if each_is_needed(claim, deciding):
        return len(passing) == len(deciding)
    if "method" in claim.sweep:  # of each method one place
        return {one.at["method"] for one in passing} == {one.at["method"] for one in deciding}
    return len(passing) >= min(claim.enough, len(deciding))


def _worded(case: Case, conclusion: Conclusion) -> Conclusion:
    return EXPLORATORY[conclusion] if case.exploratory else conclusion


def _concluded(case: Case) -> tuple[Conclusion, Conclusion, str]:
    """Return the conclusion without the correction of exploratory verdicts, with it, and why.

    Failures of the rival must not make the difference.
    """
    deciding = case.deciding
    plain, reason = _decide(case, deciding)
    replaced = [with_best_rival(comparison) for comparison in deciding]
    if any(a is not b for a, b in zip(replaced, deciding, strict=True)):
        as_replaced, _ = _decide(case, replaced)
        any_derived = any(c.criterion.rival and not c.criterion.of_accuracies for c in deciding)
        if as_replaced != plain and plain != "undecided":
            reason = (
                "The verdict depends on failures of the rival, or on trials that do not exceed "
                f"softmax regression: {_REPLACED[any_derived]} it is "
                f"{_worded(case, as_replaced)}."
            )
            return "undecided", _worded(case, "undecided"), reason
    if not case.exploratory:
        return plain, plain, reason
    corrected, reason = _decide(case, deciding, adjusted=True)
    return plain, _worded(case, corrected), reason


def _decide(
    case: Case, compared: Sequence[Comparison], *, adjusted: bool = False
) -> tuple[Conclusion, str]:
    """Return the conclusion and why it is undecided.

    A comparison that cannot be tested, or is not finished, keeps a claim from being supported; it
    hides no refutation.

    Args:
        case: the case, for what blocks a conclusion.
        compared: its deciding comparisons, possibly with other pairs.
        adjusted: whether the p-values are those adjusted over all exploratory comparisons; if not,
            those against the claim are corrected for the number of comparisons (Holm).
    """
    if case.neither:
        return _unless(case.neither, "undecided")
    for_it = [c.q if adjusted else c.p for c in compared]
    against = [c.q_against if adjusted else c.p_against for c in compared]
    opposed = np.array(against) if adjusted else multiple.holm(against)
    if (opposed < ALPHA).any():
        return _unless(case.no_refutation, "refuted")
    unfinished = [comparison for comparison in compared if not comparison.complete]
    if unfinished:
        fewest = min(unfinished, key=lambda comparison: len(comparison.pairs))
        return "undecided", f"n = {len(fewest.pairs)}, {fewest.planned} planned"
    if all(value < ALPHA for value in for_it):
        return _unless((*case.unequal, *case.no_support), "supported")
    if case.unequal:
        return _unless(case.unequal, "undecided")
    reason = _why(compared, for_it, against)
    if case.no_support:
        reason += f" More seeds could not support it: {'; '.join(case.no_support)}."
    return "undecided", reason


def _unless(reasons: Sequence[str], conclusion: Conclusion) -> tuple[Conclusion, str]:
    if not reasons:
        return conclusion, ""
    text = "; ".join(reasons)
    return "undecided", f"{text[0].upper()}{text[1:]}."


def _why(compared: Sequence[Comparison], for_it: Sequence[float], against: Sequence[float]) -> str:
    """Return why nothing is decided, and how many seeds would decide it."""
    for comparison in compared:
        if comparison.estimate.n == 0:
            return "No pair is finished."
        if comparison.estimate.n == 1:
            return "There is only one seed."
        if math.isnan(comparison.bound):
            return "The study states no margin."
        if reason := unlike(comparison.pairs):
            return f"{reason[0].upper()}{reason[1:]}."
        if math.isnan(comparison.p):
            return "All differences are identical, so there is no t interval."
    undecided = [c for c, value in zip(compared, for_it, strict=True) if not value < ALPHA]
    where = f" in {len(undecided)} of {len(compared)} comparisons" if compared[1:] else ""
    if any(value < ALPHA for value in against):
        return f"Not refuted after Holm's correction{where}."
    if all(c.p < ALPHA or c.p_against < ALPHA for c in undecided):
        return f"Not significant after the correction for all exploratory comparisons{where}."
    worst = max(undecided, key=lambda comparison: comparison.p)
    margin = abs(worst.bound) if worst.criterion.has_margin else 0.0
    needed = power.seeds_needed(worst.deviation, margin) if margin else None
    reason = f"The interval contains the bound{where}."
    if needed and needed > worst.estimate.n:
        least = "at least " if where else ""
        reason += f" With no true difference, {least}{needed} seeds would decide with 80% power."
    return reason
