"""Conclusions: from a claim's comparisons to a verdict on each cell."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.cells import CELL
from analysis.numbers import many
from analysis.statistics import multiple, power
from analysis.tables import Results, computed_once
from analysis.verdicts.claim import MARGIN, Claim
from analysis.verdicts.claims import CLAIMS
from analysis.verdicts.comparisons import comparisons, without_diverged_or_dead
from analysis.verdicts.verdict import ALPHA, Comparison, Conclusion, Verdict
from analysis.verdicts.warnings import diverged_or_dead, flags
from studies.trial import Value

#: Data sets on which the bootstrap over seeds and test images must agree with the t test.
IMAGES_DECIDE = ("mnist",)
#: Data sets that demonstrate the method and settle nothing.
DEMONSTRATIONS = ("digits", "digits-0-4", "digits-5-9")


@computed_once  # the page and its forest plot need the same verdicts
def verdicts(results: Results, claims: tuple[Claim, ...] = CLAIMS) -> tuple[Verdict, ...]:
    """Return the verdicts on all claims whose cells the results have, in the claims' order."""
    return _with_q([verdict for claim in claims for verdict in _of_claim(results, claim)])


def untested(given: Sequence[Verdict], claims: Iterable[Claim] = CLAIMS) -> list[Claim]:
    """Return the claims without a verdict, because the results lack their cells."""
    tested = {verdict.claim.id for verdict in given}
    return [claim for claim in claims if claim.id not in tested]


def _of_claim(results: Results, claim: Claim) -> list[Verdict]:
    trials = claim.trials(results)
    arms = trials[claim.arms(trials)] if len(trials) else trials
    if arms.empty:
        return []
    by = [name for name in CELL if name not in claim.sweep]
    judged = []
    for key, rows in arms.groupby(by, sort=False):
        compared = comparisons(results, claim, rows, trials)
        places = Counter(comparison.criterion for comparison in compared)
        if all(places[c] >= claim.least for c in claim.criteria if c.decides):
            cell: dict[str, Any] = dict(zip(by, key, strict=True))
            judged.append(_judge(results, claim, cell, compared))
    return judged


def _judge(
    results: Results, claim: Claim, cell: Mapping[str, Value], compared: Sequence[Comparison]
) -> Verdict:
    deciding = [comparison for comparison in compared if comparison.criterion.decides]
    incomplete = [
        comparison for comparison in deciding if comparison.interval.n < comparison.planned
    ]
    conclusion, reason = _decide(cell, deciding)
    completed = [without_diverged_or_dead(comparison) for comparison in deciding]
    without = conclusion if completed == deciding else _decide(cell, completed)[0]
    if incomplete:
        worst = min(incomplete, key=lambda comparison: comparison.interval.n)
        reason = f"n = {worst.interval.n}, {worst.planned} planned"
        conclusion = without = "undecided"
    return Verdict(
        claim=claim,
        cell=cell,
        comparisons=tuple(compared),
        conclusion=conclusion,
        reason=reason,
        n=min(comparison.interval.n for comparison in deciding),
        planned=max(_planned(comparison) for comparison in deciding),
        without_diverged_or_dead=without,
        diverged_or_dead=diverged_or_dead(deciding),
        exploratory=_exploratory(results, claim, cell, deciding),
        flags=flags(results, cell, deciding),
    )


def _planned(comparison: Comparison) -> int:
    """Return the planned seeds; the finished ones if no definition is recorded."""
    return comparison.planned or comparison.interval.n


def _decide(cell: Mapping[str, Value], comparisons: Sequence[Comparison]) -> tuple[Conclusion, str]:
    """Return the conclusion and its reason, without regard to how many seeds were planned."""
    for comparison in comparisons:
        if comparison.interval.n == 0:
            return "undecided", "No pair is finished."
        if comparison.interval.n == 1:
            return "undecided", "There is only one seed."
        if math.isnan(comparison.bound):
            return "undecided", "The study states no margin."
        if math.isnan(comparison.p):
            return "undecided", "All differences are identical, so there is no t interval."
    images_decide = cell["dataset"] in IMAGES_DECIDE
    if images_decide and any(c.of_accuracies and c.images is None for c in comparisons):
        return "undecided", "The answers of the two sides to the test images cannot be compared."
    images = [c.images if images_decide and c.of_accuracies else None for c in comparisons]
    passed = [c.met(c.p, i) for c, i in zip(comparisons, images, strict=True)]
    if all(passed):
        return "supported", ""
    against = [comparison.p_against for comparison in comparisons]
    adjusted = multiple.holm(against) if min(against) < ALPHA else against
    failed = [
        c.met(p, i, against=True) for c, p, i in zip(comparisons, adjusted, images, strict=True)
    ]
    return ("refuted", "") if any(failed) else ("undecided", _why(comparisons, passed))


def _why(comparisons: Sequence[Comparison], passed: Sequence[bool]) -> str:
    """Return why nothing is decided, and how many seeds would decide it."""
    undecided = [c for c, ok in zip(comparisons, passed, strict=True) if not ok]
    where = f" in {len(undecided)} of {len(comparisons)} comparisons" if comparisons[1:] else ""
    if all(c.p < ALPHA or c.p_against < ALPHA for c in undecided):
        if len(comparisons) > 1 and any(c.p_against < ALPHA for c in undecided):
            return f"Not refuted after Holm's correction{where}."
        return (
            f"The t interval decides, but the interval over seeds and test images does not{where}."
        )
    worst = max(undecided, key=lambda comparison: comparison.p)
    margin = abs(worst.bound) if MARGIN in (worst.criterion.above, worst.criterion.below) else 0.0
    needed = power.seeds_needed(worst.deviation, margin) if margin else None
    reason = f"The interval contains the bound{where}."
    if needed and needed > worst.interval.n:
        least = "at least " if where else ""
        reason += f" With no true difference, {least}{needed} seeds would decide with 80% power."
    return reason


def _exploratory(
    results: Results, claim: Claim, cell: Mapping[str, Value], deciding: Sequence[Comparison]
) -> tuple[str, ...]:
    """Return the reasons why a verdict is not confirmatory."""
    reasons = []
    first = min(comparison.first for comparison in deciding)
    planned = min(_planned(comparison) for comparison in deciding)
    if not claim.primary:
        reasons.append("a secondary form of the claim")
    if cell["dataset"] in DEMONSTRATIONS:
        reasons.append(f"{cell['dataset']} is a demonstration")
    if results.plan.empty:
        reasons.append("no definition is recorded")
    elif not first:
        reasons.append("some of its cells were added after the first run")
    elif first < planned:
        reasons.append(f"extended from {first} to {many(planned, 'seed')} after the first run")
    if planned < claim.seeds:
        reasons.append(
            f"{many(planned, 'seed')} planned, a confirmatory verdict needs {claim.seeds}"
        )
    return tuple(reasons)


def _with_q(given: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts with the adjusted p-values of the exploratory ones."""
    adjusted = multiple.benjamini_hochberg([v.p if v.exploratory else math.nan for v in given])
    return tuple(replace(v, q=float(q)) for v, q in zip(given, adjusted, strict=True))
