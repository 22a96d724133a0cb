"""What a study can decide, from its plan alone: which claims, with how many seeds and what power.

The power depends on the standard deviation of the paired differences, which is unknown before
there are results. So the largest deviation at which the planned seeds suffice is given, and, where
there are results, the power at the deviation that they show. If several comparisons must all pass,
such as all densities of a sweep, the power is that of all of them together.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.statistics.power import detectable, joint_power
from analysis.tables import Results
from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import every_claim
from analysis.verdicts.decisions import lack, untested, verdicts
from analysis.verdicts.verdict import Comparison, Verdict

#: The power with which seeds suffice.
POWER = 0.8


@dataclass(frozen=True, eq=False)
class ClaimPower:
    """What a study can decide about a claim.

    Attributes:
        claim: the claim.
        cells: number of cells that are judged.
        comparisons: the largest number of comparisons with the margin in a cell, all of which must
            pass.
        seeds: planned seeds of the cell with the fewest.
        deviation: the largest standard deviation of the paired differences, as a fraction, at which
            the seeds show with power `POWER` that no difference exceeds the margin, in all
            comparisons of a cell; nan if no margin decides.
        distance: the distance from the bound that the seeds detect with power `POWER` in one
            comparison, in standard deviations.
        seen: the largest standard deviation in the results so far; nan without results.
        power: the power at that deviation for all comparisons of a cell together, if there is no
            true difference; nan if `deviation` or `seen` is nan.
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


def claim_powers(planned: Results, seen: Results | None = None) -> list[ClaimPower]:
    """Return the power for each claim whose cells a plan has.

    Args:
        planned: the definitions, without results.
        seen: the results so far. A claim that they do not test although all of its trials are
            finished is left out: they lack a column that it needs.
    """
    known = verdicts(seen) if seen else ()
    deviations = _deviations(known)
    by_claim: dict[str, list[Verdict]] = {}
    for verdict in verdicts(planned):
        by_claim.setdefault(verdict.claim.id, []).append(verdict)
    if seen and seen.finished == planned.planned:
        by_claim = {id_: by_claim[id_] for id_ in by_claim if any(v.claim.id == id_ for v in known)}
    return [_power(cells, deviations) for cells in by_claim.values()]


def untestable(planned: Results, powers: Sequence[ClaimPower]) -> dict[Claim, str]:
    """Return the claims that a plan cannot test, each with a few words on what is missing.

    Args:
        planned: the definitions, without results.
        powers: what `claim_powers` has returned.
    """
    tested = {one.claim.id for one in powers}
    lacking = {c.id for c in untested(verdicts(planned))}
    return {
        claim: lack(planned, claim) if claim.id in lacking else "not recorded by these results"
        for claim in every_claim()
        if claim.id not in tested
    }


def _power(cells: Sequence[Verdict], deviations: Mapping[Any, float]) -> ClaimPower:
    seeds = min(verdict.planned for verdict in cells)
    deciding = [(verdict, comparison) for verdict in cells for comparison in verdict.deciding]
    margins = [abs(c.bound) for _, c in deciding if c.criterion.has_margin]
    comparisons = max(sum(c.criterion.has_margin for c in verdict.deciding) for verdict in cells)
    seen = [deviations.get(_key(*pair), math.nan) for pair in deciding]
    largest = max((value for value in seen if not math.isnan(value)), default=math.nan)
    margin = min(margins, default=math.nan)
    no_margin = any(math.isnan(comparison.bound) for _, comparison in deciding)
    obstacle = "the study states no margin" if no_margin else "one seed" if seeds < 2 else ""
    suffices = bool(margins) and not obstacle
    together = max(comparisons, 1)
    return ClaimPower(
        claim=cells[0].claim,
        cells=len(cells),
        comparisons=comparisons,
        seeds=seeds,
        deviation=margin / detectable(seeds, POWER, comparisons=together) if suffices else math.nan,
        distance=detectable(seeds, POWER),
        seen=largest,
        power=joint_power(largest, seeds, margin, together) if suffices else math.nan,
        obstacle=obstacle,
        exploratory=tuple(dict.fromkeys(why for verdict in cells for why in verdict.exploratory)),
    )


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
