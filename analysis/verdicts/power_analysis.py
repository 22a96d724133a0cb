"""What a study can decide, from its plan alone: which claims, with how many seeds and what power.

The power depends on the standard deviation of the paired differences, which is unknown before
there are results. So a prospect gives the largest deviation at which the planned seeds suffice,
and, where there are results, the power at the deviation that they show.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.statistics.power import detectable, power
from analysis.tables import Results
from analysis.verdicts.claim import MARGIN, Claim
from analysis.verdicts.claims import CLAIMS
from analysis.verdicts.decisions import untested, verdicts
from analysis.verdicts.verdict import Comparison, Verdict

#: The power with which seeds suffice.
POWER = 0.8


@dataclass(frozen=True, eq=False)
class Prospect:
    """What a study can decide about a claim.

    Attributes:
        claim: the claim.
        cells: number of cells that are judged.
        comparisons: the largest number of comparisons of a cell, all of which must pass.
        seeds: planned seeds of the cell with the fewest.
        deviation: the largest standard deviation of the paired differences, as a fraction, at which
            the seeds show with power `POWER` that no difference exceeds the margin; nan if no
            margin decides.
        distance: the distance from the bound that the seeds detect with power `POWER`, in standard
            deviations.
        seen: the largest standard deviation in the results so far; nan without results.
        power: the power at that deviation if there is no true difference; nan if `deviation` or
            `seen` is nan.
        obstacle: why nothing can be decided; empty if something can.
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
    """Return the prospects of the claims whose cells a plan has.

    Args:
        planned: the definitions, without results.
        seen: the results so far.
        claims: the claims to consider.
    """
    deviations = _deviations(verdicts(seen, claims)) if seen else {}
    by_claim: dict[str, list[Verdict]] = {}
    for verdict in verdicts(planned, claims):
        by_claim.setdefault(verdict.claim.id, []).append(verdict)
    return [_prospect(cells, deviations) for cells in by_claim.values()]


def lacking(planned: Results, claims: tuple[Claim, ...] = CLAIMS) -> dict[Claim, str]:
    """Return the claims whose cells a plan lacks, each with a few words on what is missing."""
    return {claim: _lack(planned, claim) for claim in untested(verdicts(planned, claims), claims)}


def _prospect(cells: Sequence[Verdict], deviations: Mapping[Any, float]) -> Prospect:
    seeds = min(verdict.planned for verdict in cells)
    deciding = [(verdict, comparison) for verdict in cells for comparison in verdict.deciding]
    margins = [abs(comparison.bound) for _, comparison in deciding if _has_margin(comparison)]
    seen = [deviations.get(_key(*pair), math.nan) for pair in deciding]
    largest = max((value for value in seen if not math.isnan(value)), default=math.nan)
    distance, margin = detectable(seeds), min(margins, default=math.nan)
    no_margin = any(math.isnan(comparison.bound) for _, comparison in deciding)
    obstacle = "the study states no margin" if no_margin else "one seed" if seeds < 2 else ""
    suffices = bool(margins) and not obstacle
    return Prospect(
        claim=cells[0].claim,
        cells=len(cells),
        comparisons=max(len(verdict.deciding) for verdict in cells),
        seeds=seeds,
        deviation=margin / distance if suffices else math.nan,
        distance=distance,
        seen=largest,
        power=power(largest, seeds, margin) if suffices else math.nan,
        obstacle=obstacle,
        exploratory=tuple(dict.fromkeys(why for verdict in cells for why in verdict.exploratory)),
    )


def _has_margin(comparison: Comparison) -> bool:
    return MARGIN in (comparison.criterion.above, comparison.criterion.below)


def _deviations(seen: Iterable[Verdict]) -> dict[Any, float]:
    """Return the standard deviation of each comparison that has one, by `_key`."""
    return {
        _key(verdict, comparison): comparison.deviation
        for verdict in seen
        for comparison in verdict.deciding
        if comparison.deviation > 0
    }


def _key(verdict: Verdict, comparison: Comparison) -> tuple[object, ...]:
    """Return what identifies a comparison in the plan and in the results."""
    cell, at = frozenset(verdict.cell.items()), frozenset(comparison.at.items())
    return (verdict.claim.id, cell, comparison.criterion.says, at)


def _lack(planned: Results, claim: Claim) -> str:
    if claim.study.startswith("make "):
        return f"measured by `{claim.study}`"
    trials = claim.trials(planned)
    if trials.empty or trials[claim.arms(trials)].empty:
        return "no such cells"
    return "no cells to compare them with"
