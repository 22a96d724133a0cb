"""What a study can decide, told from its plan: which claims, with how many seeds, how surely.

The power goes with the standard deviation of the paired differences, which nobody knows before
there are results. So it is told the other way round: up to which deviation the planned seeds
suffice; where there are results, how surely they do at the deviation that is seen.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.statistics.detectable import effect
from analysis.statistics.power import power
from analysis.tables import Results
from analysis.verdicts.claim import MARGIN, Claim
from analysis.verdicts.claims import CLAIMS
from analysis.verdicts.judging import untested, verdicts
from analysis.verdicts.verdict import Comparison, Verdict

#: That seeds are said to suffice for.
POWER = 0.8


@dataclass(frozen=True, eq=False)
class Prospect:
    """What a study can make of a claim.

    Attributes:
        claim: the claim.
        cells: how many cells are judged.
        comparisons: of one cell, at most; all have to pass.
        seeds: planned ones, of the cell with the fewest.
        deviation: of paired differences, in the criterion's unit as a fraction, up to which they
            find that there is no difference beyond the margin; nan where no margin decides.
        distance: from the bound that they find, in standard deviations.
        seen: the largest deviation in the results so far, nan without any.
        power: at that deviation, if there is no true difference; nan where `deviation` or `seen`
            is.
        obstacle: why nothing can be decided; empty where something can.
        exploratory: why the verdicts would be exploratory.
    """

    claim: Claim
    cells: int
    comparisons: int
    seeds: int
    deviation: float
    distance: float
    seen: float
    power: float
    obstacle: str
    exploratory: tuple[str, ...]


def prospects(
    planned: Results, seen: Results | None = None, claims: tuple[Claim, ...] = CLAIMS
) -> list[Prospect]:
    """The prospects of the claims that have cells in a plan.

    Args:
        planned: the definitions, without a result.
        seen: the results so far.
        claims: those to look at.
    """
    deviations = _deviations(verdicts(seen, claims)) if seen else {}
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts(planned, claims):
        found.setdefault(verdict.claim.id, []).append(verdict)
    return [_prospect(own, deviations) for own in found.values()]


def lacking(planned: Results, claims: tuple[Claim, ...] = CLAIMS) -> dict[Claim, str]:
    """The claims that a plan has no cells of, and what it lacks for each, in a word or two."""
    return {claim: _lack(planned, claim) for claim in untested(verdicts(planned, claims), claims)}


def _prospect(own: Sequence[Verdict], deviations: Mapping[Any, float]) -> Prospect:
    seeds = min(verdict.planned for verdict in own)
    every = [(verdict, one) for verdict in own for one in verdict.deciding]
    margins = [abs(one.bound) for _, one in every if _has_margin(one)]
    known = [deviations.get(_key(verdict, one), math.nan) for verdict, one in every]
    largest = max((value for value in known if value == value), default=math.nan)
    distance, margin = effect(seeds), min(margins, default=math.nan)
    unfixed = any(math.isnan(one.bound) for _, one in every)
    obstacle = "the study fixes no margin" if unfixed else "one seed" if seeds < 2 else ""
    suffices = bool(margins) and not obstacle
    return Prospect(
        claim=own[0].claim,
        cells=len(own),
        comparisons=max(len(verdict.deciding) for verdict in own),
        seeds=seeds,
        deviation=margin / distance if suffices else math.nan,
        distance=distance,
        seen=largest,
        power=power(largest, seeds, margin) if suffices else math.nan,
        obstacle=obstacle,
        exploratory=tuple(dict.fromkeys(said for verdict in own for said in verdict.exploratory)),
    )


def _has_margin(one: Comparison) -> bool:
    return MARGIN in (one.criterion.above, one.criterion.below)


def _deviations(found: Iterable[Verdict]) -> dict[Any, float]:
    """The deviation of each comparison that has one."""
    return {
        _key(verdict, one): one.deviation
        for verdict in found
        for one in verdict.deciding
        if one.deviation > 0
    }


def _key(verdict: Verdict, one: Comparison) -> tuple[object, ...]:
    cell = frozenset(verdict.cell.items())
    return (verdict.claim.id, cell, one.criterion.says, frozenset(one.at.items()))


def _lack(planned: Results, claim: Claim) -> str:
    if claim.study.startswith("make "):
        return f"measured by `{claim.study}`"
    trials = claim.trials(planned)
    if trials.empty or trials[claim.arms(trials)].empty:
        return "no such cells"
    return "nothing to hold them against"
