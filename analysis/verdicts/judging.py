"""From comparisons to conclusions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.cells import CELL
from analysis.numbers import many
from analysis.statistics import multiple, power
from analysis.tables import Results, computed_once
from analysis.verdicts.cautions import flags, lost
from analysis.verdicts.claim import MARGIN, Claim
from analysis.verdicts.claims import CLAIMS
from analysis.verdicts.comparing import comparisons, without_lost
from analysis.verdicts.verdict import ALPHA, Comparison, Conclusion, Verdict
from studies.trial import Value

#: Data sets with so many test images that their noise is known well enough to decide beside t.
IMAGES_DECIDE = ("mnist",)
#: Data sets that show how it is done and settle nothing.
DEMONSTRATIONS = ("digits", "digits-0-4", "digits-5-9")


@computed_once  # the page and its forest plot ask for the same
def verdicts(results: Results, claims: tuple[Claim, ...] = CLAIMS) -> tuple[Verdict, ...]:
    """The verdicts on all claims whose cells the results have, in the claims' order."""
    found = [verdict for claim in claims for verdict in _of_claim(results, claim)]
    return _with_q(found)


def untested(found: Sequence[Verdict], claims: Iterable[Claim] = CLAIMS) -> list[Claim]:
    """The claims that no verdict is about: their cells are not there."""
    tested = {verdict.claim.id for verdict in found}
    return [claim for claim in claims if claim.id not in tested]


def _of_claim(results: Results, claim: Claim) -> list[Verdict]:
    trials = claim.trials(results)
    arms = trials[claim.arms(trials)] if len(trials) else trials
    if arms.empty:
        return []
    by = [name for name in CELL if name not in claim.sweep]
    found = []
    for key, rows in arms.groupby(by, sort=False):
        compared = comparisons(results, claim, rows, trials)
        places = Counter(one.criterion for one in compared)
        if all(places[one] >= claim.least for one in claim.criteria if one.decides):
            cell: dict[str, Any] = dict(zip(by, key, strict=True))
            found.append(_judge(results, claim, cell, compared))
    return found


def _judge(
    results: Results, claim: Claim, cell: Mapping[str, Value], found: Sequence[Comparison]
) -> Verdict:
    deciding = [one for one in found if one.criterion.decides]
    short = [one for one in deciding if one.interval.n < one.planned]
    conclusion, reason = _decide(cell, deciding)
    sound = [without_lost(one) for one in deciding]
    without = conclusion if sound == deciding else _decide(cell, sound)[0]
    if short:
        worst = min(short, key=lambda one: one.interval.n)
        reason = f"n = {worst.interval.n}, {worst.planned} planned"
        conclusion = without = "undecided"
    return Verdict(
        claim=claim,
        cell=cell,
        comparisons=tuple(found),
        conclusion=conclusion,
        reason=reason,
        n=min(one.interval.n for one in deciding),
        planned=max(one.planned or one.interval.n for one in deciding),
        without_lost=without,
        lost=lost(deciding),
        exploratory=_exploratory(results, claim, cell, deciding),
        flags=flags(results, cell, deciding),
    )


def _decide(cell: Mapping[str, Value], comparisons: Sequence[Comparison]) -> tuple[Conclusion, str]:
    """The conclusion and why, whatever was planned."""
    for one in comparisons:
        if one.interval.n < 2:
            return "undecided", "one seed only" if one.interval.n else "no pair is finished"
        if math.isnan(one.bound):
            return "undecided", "the study fixes no margin"
        if math.isnan(one.p):
            return "undecided", "all pairs differ alike, which gives no interval"
    deciding = cell["dataset"] in IMAGES_DECIDE
    if deciding and any(one.of_accuracies and one.images is None for one in comparisons):
        return "undecided", "the two sides' answers to the test images cannot be held together"
    images = [one.images if deciding and one.of_accuracies else None for one in comparisons]
    passed = [one.met(one.p, i) for one, i in zip(comparisons, images, strict=True)]
    if all(passed):
        return "supported", ""
    against = [one.p_against for one in comparisons]
    adjusted = multiple.holm(against) if min(against) < ALPHA else against
    failed = [
        one.met(p, i, against=True) for one, p, i in zip(comparisons, adjusted, images, strict=True)
    ]
    return ("refuted", "") if any(failed) else ("undecided", _why(comparisons, passed))


def _why(comparisons: Sequence[Comparison], passed: Sequence[bool]) -> str:
    """Why nothing is decided, and what would decide it."""
    open_ones = [one for one, ok in zip(comparisons, passed, strict=True) if not ok]
    where = f" in {len(open_ones)} of {len(comparisons)} comparisons" if comparisons[1:] else ""
    if all(one.p < ALPHA or one.p_against < ALPHA for one in open_ones):
        if len(comparisons) > 1 and any(one.p_against < ALPHA for one in open_ones):
            return f"not refuted by Holm's correction{where}"
        return f"the t interval decides, that over seeds and test images does not{where}"
    worst = max(open_ones, key=lambda one: one.p)
    margin = abs(worst.bound) if MARGIN in (worst.criterion.above, worst.criterion.below) else 0.0
    needed = power.seeds_needed(worst.deviation, margin) if margin else None
    more = ""
    if needed and needed > worst.interval.n:
        least = "at least " if where else ""
        more = f"; {least}{needed} seeds would decide with power 0.8 if there is no difference"
    return f"the interval holds the bound{where}{more}"


def _exploratory(
    results: Results, claim: Claim, cell: Mapping[str, Value], deciding: Sequence[Comparison]
) -> tuple[str, ...]:
    """Why a verdict is not confirmatory."""
    said = []
    first = min(one.first for one in deciding)
    planned = min(one.planned or one.interval.n for one in deciding)
    if not claim.primary:
        said.append("a secondary form of the claim")
    if cell["dataset"] in DEMONSTRATIONS:
        said.append(f"{cell['dataset']} is a demonstration")
    if results.plan.empty:
        said.append("no definition is recorded")
    elif not first:
        said.append("some of its cells were added after the first run")
    elif first < planned:
        said.append(f"extended from {first} to {many(planned, 'seed')} after the first run")
    if planned < claim.seeds:
        said.append(f"{many(planned, 'seed')} planned, {claim.seeds} make it confirmatory")
    return tuple(said)


def _with_q(found: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts with the adjusted p-values of the exploratory ones."""
    adjusted = multiple.benjamini_hochberg([v.p if v.exploratory else math.nan for v in found])
    return tuple(replace(v, q=float(q)) for v, q in zip(found, adjusted, strict=True))
