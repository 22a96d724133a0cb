"""Conclusions: from a claim's comparisons to a verdict on each cell."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import CELL, heading, label
from analysis.estimates.edges import edges
from analysis.estimates.pairing import OF_PARTNER, keys
from analysis.numbers import many
from analysis.statistics import multiple, power
from analysis.tables import Results, computed_once
from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import every_claim
from analysis.verdicts.committed import is_recorded
from analysis.verdicts.comparisons import (
    comparisons,
    planned_seeds,
    same_images,
    with_best_rival,
    without_failures,
)
from analysis.verdicts.floors import softmax_regression
from analysis.verdicts.verdict import ALPHA, EXPLORATORY, Comparison, Conclusion, Verdict
from analysis.verdicts.warnings import failures, flags
from studies.trial import Value

#: Data sets that demonstrate the method and settle nothing.
DEMONSTRATIONS = ("digits", "digits-0-4", "digits-5-9")

#: Returns the p-values of a comparison for and against the claim.
P = Callable[[Comparison], tuple[float, float]]


@computed_once
def all_verdicts(results: Results, claims: tuple[Claim, ...]) -> tuple[Verdict, ...]:
    """Return the verdicts on all claims whose cells the results have, in the claims' order."""
    cases = [case for claim in claims for case in _cases(results, claim)]
    adjusted = _adjusted([case for case in cases if case.exploratory])
    return tuple(_verdict(results, case, adjusted) for case in cases)


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


@dataclass(frozen=True, eq=False)
class _Case:
    """A cell that a claim judges, before anything is concluded.

    Attributes:
        claim: the claim.
        cell: the fields of the arm without those that are swept over.
        comparisons: all criteria at all places of the sweep.
        exploratory: why the verdict is exploratory.
        added: whether it is so only because its trials were not committed to.
        unequal: why the two sides cannot be compared with budgets that allow support.
        neither: reasons in the trials themselves that allow no conclusion.
        no_support: reasons that keep the claim from being supported.
        no_refutation: reasons that keep the claim from being refuted.
    """

    claim: Claim
    cell: Mapping[str, Value]
    comparisons: tuple[Comparison, ...]
    exploratory: tuple[str, ...]
    added: bool
    unequal: tuple[str, ...]
    neither: tuple[str, ...]
    no_support: tuple[str, ...]
    no_refutation: tuple[str, ...]

    @property
    def deciding(self) -> list[Comparison]:
        return [comparison for comparison in self.comparisons if comparison.criterion.decides]


def _cases(results: Results, claim: Claim) -> list[_Case]:
    trials = claim.trials(results)
    arms = trials[claim.arms(trials)] if len(trials) else trials
    if arms.empty:
        return []
    by = [name for name in CELL if name not in claim.sweep]
    (numbers,) = keys(arms, on=by)
    arms = arms.assign(cell=numbers)
    compared = comparisons(results, claim, arms, trials)
    cases = []
    for number, first in zip(*np.unique(numbers, return_index=True), strict=True):
        cell: dict[str, Any] = arms.iloc[first][by].to_dict()
        case = _case(results, claim, cell, compared.get(int(number), []))
        if case:
            cases.append((first, case))
    return [case for _, case in sorted(cases, key=lambda item: item[0])]


def _case(
    results: Results, claim: Claim, cell: Mapping[str, Value], compared: Sequence[Comparison]
) -> _Case | None:
    """Return a cell with its comparisons; None if it lacks those that the claim needs."""
    no_support = []
    for criterion in claim.criteria:
        places = sum(comparison.criterion is criterion for comparison in compared)
        if not criterion.decides or places >= claim.least:
            continue
        if criterion.only_on is None:
            return None
        if cell["dataset"] in criterion.only_on:
            no_support.append(f"{criterion.says}: nothing to compare with")
    deciding = [comparison for comparison in compared if comparison.criterion.decides]
    why, added = _exploratory(results, claim, cell, deciding)
    of_rival, of_other = _edges(claim, deciding)
    return _Case(
        claim=claim,
        cell=cell,
        comparisons=tuple(compared),
        exploratory=why,
        added=added,
        unequal=tuple(_budgets(deciding, against=False)),
        neither=tuple(_not_judged(deciding)),
        no_support=(
            *no_support,
            *_floors(claim, deciding),
            *of_rival,
        ),
        no_refutation=(*of_other, *_budgets(deciding, against=True)),
    )


def _not_judged(deciding: Sequence[Comparison]) -> list[str]:
    """Return why the trials themselves allow no conclusion."""
    reasons = {comparison.not_judged for comparison in deciding} - {""}
    compared = [c for c in deciding if c.criterion.of_accuracies and len(c.pairs)]
    if not all(same_images(comparison.pairs) for comparison in compared):
        reasons.add("the two sides were evaluated on different test images")
    return sorted(reasons)


def _floors(claim: Claim, deciding: Sequence[Comparison]) -> list[str]:
    """Return why rivals below their floor keep the claim from being supported."""
    below = [comparison for comparison in deciding if comparison.floor]
    if not claim.sweep:
        return list(dict.fromkeys(comparison.floor for comparison in below))
    passed = len(deciding) - len(below)
    if passed >= claim.enough:
        return []
    reason = f"{passed} of {len(deciding)} values of {heading(claim.sweep[0])} pass the floor, "
    reason += f"{claim.enough} must"
    return [f"{reason} ({below[0].floor})" if below else reason]


def _budgets(deciding: Sequence[Comparison], *, against: bool) -> list[str]:
    """Return whether the recorded configurations allow no comparison with equal budgets."""
    name = "difference_against" if against else "difference"
    blocked = [c for c in deciding if len(c.pairs) and c.pairs[name].isna().all()]
    if not blocked:
        return []
    first = blocked[0].pairs.iloc[0]
    ours, theirs = first["configurations"], first[f"configurations{OF_PARTNER}"]
    return [f"{int(ours)} and {int(theirs)} configurations were tuned, which cannot be made equal"]


def _edges(claim: Claim, deciding: Sequence[Comparison]) -> tuple[list[str], list[str]]:
    """Return the ends of grids to which the last step still gains: the rival's, the other side's.

    A better value may lie beyond such an end. If it is the rival's, the claim is not supported; if
    it is the other side's, it is not refuted.
    """
    of_rival: list[str] = []
    of_other: list[str] = []
    for comparison in deciding:
        for name in ("edge", f"edge{OF_PARTNER}"):
            if name in comparison.pairs:
                side = "partner" if name.endswith(OF_PARTNER) else "arm"
                rows = comparison.pairs
                methods = rows["method" if side == "arm" else f"method{OF_PARTNER}"]
                texts = {
                    f"{method} still gains at {edge}, the end of its grid"
                    for method, edge in zip(methods, rows[name], strict=True)
                    if isinstance(edge, str) and edge
                }
                (of_rival if side == comparison.criterion.rival else of_other).extend(sorted(texts))
    for _, places in groupby(deciding, key=lambda comparison: comparison.criterion):
        of_rival += _ends_of_sweep(claim, list(places))
    return list(dict.fromkeys(of_rival)), list(dict.fromkeys(of_other))


def _ends_of_sweep(claim: Claim, places: Sequence[Comparison]) -> list[str]:
    """Return the ends of a sweep over numbers to which the last step gains for the rival."""
    criterion = places[0].criterion
    fields = [n for n in claim.sweep if isinstance(next(iter(places[0].at.values()), ""), float)]
    if criterion.rival != "arm" or len(fields) != 1 or criterion.value != "accuracy":
        return []
    (field,) = fields
    rows = [one.pairs.assign(place=one.at[field], of_rival=_for_edges(one.pairs)) for one in places]
    against = criterion.against or {}
    default = None if "method" in against else against.get(field)
    if default is not None:  # the partner's value is one of the grid
        at_default = places[0].pairs
        values = at_default[f"accuracy{OF_PARTNER}"]
        rows.append(at_default.assign(place=default, of_rival=values))
    together = pd.concat([frame[["place", "seed", "of_rival"]] for frame in rows])
    return [
        f"the rival still gains at {label({field: end})}, the end of its grid"
        for end in edges(together, "place", "of_rival")
    ]


def _for_edges(pairs: pd.DataFrame) -> "pd.Series[float]":
    """Return what decides about edges: validation accuracy on tuning seeds, if there is one."""
    if "score" in pairs and pairs["score"].notna().all():
        return pairs["score"]
    return pairs["accuracy"]


def _plain(comparison: Comparison) -> tuple[float, float]:
    return comparison.p, comparison.p_against


def _verdict(results: Results, case: _Case, adjusted: Mapping[int, tuple[float, float]]) -> Verdict:
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
        without = _worded(case, _decide(case, completed, _plain, holm=True)[0])
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
        added=case.added,
        flags=flags(results, case.cell, case.claim, deciding),
    )


def _worded(case: _Case, conclusion: Conclusion) -> Conclusion:
    return EXPLORATORY[conclusion] if case.exploratory else conclusion


def _concluded(case: _Case) -> tuple[Conclusion, Conclusion, str]:
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
                "The verdict depends on failures of the rival: with its best completed run in "
                f"their place it is {_worded(case, as_replaced)}."
            )
            return "undecided", _worded(case, "undecided"), reason
    if not case.exploratory:
        return plain, plain, reason
    corrected, reason = _decide(case, deciding, lambda c: (c.q, c.q_against), holm=False)
    return plain, _worded(case, corrected), reason


def _decide(
    case: _Case, compared: Sequence[Comparison], p: P, *, holm: bool
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
    return "undecided", _why(compared, for_it, against)


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


def _exploratory(
    results: Results, claim: Claim, cell: Mapping[str, Value], deciding: Sequence[Comparison]
) -> tuple[tuple[str, ...], bool]:
    """Return the reasons why a verdict is not confirmatory, and whether it was only added later."""
    reasons = []
    if not claim.primary:
        reasons.append("a secondary form of the claim")
    if cell["dataset"] in DEMONSTRATIONS:
        reasons.append(f"{cell['dataset']} is a demonstration")
    elif (
        any(c.criterion.rival for c in deciding)
        and not softmax_regression(results, str(cell["dataset"]))[1]
    ):
        reasons.append(f"no softmax regression was run on {cell['dataset']}")
    planned = min(planned_seeds([comparison]) for comparison in deciding)
    if planned < claim.seeds:
        reasons.append(
            f"{many(planned, 'seed')} planned, a confirmatory verdict needs {claim.seeds}"
        )
    if any("nested" in c.pairs and not c.pairs["nested"].all() for c in deciding):
        reasons.append("one choice on common tuning seeds serves all seeds")
    named = {name for study in results.studies for name in study.claims}
    if named and claim.id not in named:
        reasons.append(f"the definition names other claims ({', '.join(sorted(named))})")
    late = _not_committed(results, deciding, planned)
    return (*reasons, *late), bool(late) and not reasons


def _not_committed(
    results: Results, deciding: Sequence[Comparison], planned: int
) -> tuple[str, ...]:
    """Return why the trials were not fixed before anything was known; nothing if they were."""
    committed = min(comparison.committed for comparison in deciding)
    if results.plan.empty and not all(c.planned for c in deciding):
        return ("no definition is recorded",)
    if committed >= planned:
        return ()
    if not is_recorded(results):
        return ("the results do not record what was known when the definition was recorded",)
    if committed:
        return (f"extended from {committed} to {many(planned, 'seed')} after the first run",)
    return ("trials with its seeds were finished before its definition was recorded",)


def _adjusted(cases: Sequence[_Case]) -> dict[int, tuple[float, float]]:
    """Return the adjusted p-values of all exploratory comparisons, for and against their claims.

    Both directions of every comparison belong to the family, so that no choice of a direction after
    the fact goes uncounted.
    """
    compared = [comparison for case in cases for comparison in case.deciding]
    p = [value for comparison in compared for value in _plain(comparison)]
    q = multiple.benjamini_hochberg(p)
    pairs = zip(q[::2], q[1::2], strict=True)
    return {id(c): (float(a), float(b)) for c, (a, b) in zip(compared, pairs, strict=True)}
