"""Conclusions: from a claim's comparisons to a verdict on each cell."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from analysis.cells import heading
from analysis.statistics import multiple, power
from analysis.tables import Results, computed_once
from analysis.verdicts.cases import Case, cases
from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import every_claim
from analysis.verdicts.comparisons import planned_seeds, with_best_rival, without_failures
from analysis.verdicts.exploratory import adjusted
from analysis.verdicts.verdict import ALPHA, EXPLORATORY, Comparison, Conclusion, Verdict
from analysis.verdicts.warnings import failures, flags

#: Returns the p-values of a comparison for and against the claim.
P = Callable[[Comparison], tuple[float, float]]


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


def _plain(comparison: Comparison) -> tuple[float, float]:
    return comparison.p, comparison.p_against


def _verdict(results: Results, case: Case, adjusted: Mapping[int, tuple[float, float]]) -> Verdict:
    if case.exploratory:
        case = replace(
            case,
            comparisons=tuple(
                replace(c, q=adjusted[id(c)][0], q_against=adjusted[id(c)][1])
                if id(c) in adjusted
                else c
                for c in case.comparisons
            ),
        )
    deciding = case.deciding
    plain, conclusion, reason = _concluded(case)
    completed = [without_failures(comparison) for comparison in deciding]
    without = conclusion
    if any(a is not b for a, b in zip(completed, deciding, strict=True)):
        if case.claim.sweep:  # a place without completed pairs says nothing
            completed = [comparison for comparison in completed if len(comparison.pairs)]
        decided = _decide(case, completed, _plain, holm=True)[0] if completed else "undecided"
        without = _worded(case, decided)
    incomplete = [c for c in deciding if len(c.pairs) < c.planned]
    if incomplete and not case.neither:
        worst = min(incomplete, key=lambda comparison: len(comparison.pairs))
        reason = f"n = {len(worst.pairs)}, {worst.planned} planned"
        plain, conclusion, without = (
            "undecided",
            _worded(case, "undecided"),
            _worded(case, "undecided"),
        )
    return Verdict(
        claim=case.claim,
        cell=case.cell,
        comparisons=case.comparisons,
        conclusion=conclusion,
        uncorrected=plain,
        reason=reason,
        n=min(len(comparison.pairs) for comparison in deciding),
        planned=planned_seeds(deciding),
        without_diverged_or_dead=without,
        failures=failures(deciding),
        exploratory=case.exploratory,
        blocked=bool(case.no_support or case.neither or case.unequal),
        added=case.added,
        flags=flags(results, case.cell, case.claim, deciding),
    )


def _worded(case: Case, conclusion: Conclusion) -> Conclusion:
    return EXPLORATORY[conclusion] if case.exploratory else conclusion


def _concluded(case: Case) -> tuple[Conclusion, Conclusion, str]:
    """Return the conclusion without the correction of exploratory verdicts, with it, and why.

    Seeds that are missing are not regarded. Failures of the rival must not make the difference.
    """
    deciding = case.deciding
    plain, reason = _decide(case, deciding, _plain, holm=True)
    replaced = [with_best_rival(comparison) for comparison in deciding]
    if any(a is not b for a, b in zip(replaced, deciding, strict=True)):
        as_replaced, _ = _decide(case, replaced, _plain, holm=True)
        if as_replaced != plain and plain != "undecided":
            reason = (
                "The verdict depends on failures of the rival, or on trials that do not exceed "
                "softmax regression: with its best completed run in their place it is "
                f"{_worded(case, as_replaced)}."
            )
            return "undecided", _worded(case, "undecided"), reason
    if not case.exploratory:
        return plain, plain, reason
    corrected, reason = _decide(case, deciding, lambda c: (c.q, c.q_against), holm=False)
    return plain, _worded(case, corrected), reason


def _decide(
    case: Case, compared: Sequence[Comparison], p: P, *, holm: bool
) -> tuple[Conclusion, str]:
    """Return the conclusion and why it is undecided.

    A comparison that cannot be tested keeps a claim from being supported; it hides no refutation.

    Args:
        case: the case, for what blocks a conclusion.
        compared: its deciding comparisons, possibly with other pairs.
        p: returns the p-values of a comparison for and against the claim.
        holm: whether to correct the p-values against the claim for the number of comparisons.
    """
    if case.neither:
        return _unless(case.neither, "undecided")
    for_it, against = ([p(comparison)[side] for comparison in compared] for side in (0, 1))
    opposed = multiple.holm(against) if holm else np.array(against)
    supported = all(value < ALPHA for value in for_it)
    if (opposed < ALPHA).any():
        return _unless(case.no_refutation, "refuted")
    if supported:
        return _unless(case.no_support, "supported")
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
        if math.isnan(comparison.p):
            return "All differences are identical, so there is no t interval."
    undecided = [c for c, value in zip(compared, for_it, strict=True) if not value < ALPHA]
    where = f" in {len(undecided)} of {len(compared)} comparisons" if compared[1:] else ""
    if any(value < ALPHA for value in against):
        return f"Not refuted after Holm's correction{where}."
    if all(c.p < ALPHA or c.p_against < ALPHA for c in undecided):
        return f"Not shown after the correction for all exploratory comparisons{where}."
    worst = max(undecided, key=lambda comparison: comparison.p)
    margin = abs(worst.bound) if worst.criterion.has_margin else 0.0
    needed = power.seeds_needed(worst.deviation, margin) if margin else None
    reason = f"The interval contains the bound{where}."
    if needed and needed > worst.estimate.n:
        least = "at least " if where else ""
        reason += f" With no true difference, {least}{needed} seeds would decide with 80% power."
    return reason
