"""The verdict on a claim over all cells of a method."""

from collections.abc import Sequence

import numpy as np

from analysis.estimates.pairing import OF_PARTNER
from analysis.statistics import multiple
from analysis.verdicts.verdict import ALPHA, Conclusion, Overall, Verdict


def overall(given: Sequence[Verdict]) -> list[Overall]:
    """Return the combined verdict of each claim and method, in the order of the verdicts."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in given:
        groups.setdefault((verdict.claim.id, verdict.method), []).append(verdict)
    return [_combined(method, cells) for (_, method), cells in groups.items()]


def _combined(method: str, cells: Sequence[Verdict]) -> Overall:
    confirmatory = [verdict for verdict in cells if not verdict.exploratory]
    counted = confirmatory or list(cells)
    supporting = [verdict for verdict in counted if verdict.supports]
    in_favour = multiple.holm([v.p if v in supporting else 1.0 for v in counted])
    late = [v for v in cells if v.added and not _is_chosen(v, confirmatory)]
    added = _refuting(late) if confirmatory else []
    refuting = _refuting(counted) if confirmatory else [v for v in counted if v.opposes]
    conclusion: Conclusion
    if confirmatory:
        conclusion = "undecided"
        if added or refuting:
            conclusion = "refuted"
        elif len(supporting) == len(counted):
            conclusion = "supported"
    else:  # the correction over all exploratory comparisons is made already
        conclusion = "open"
        if refuting:
            conclusion = "speaks against"
        elif len(supporting) == len(counted):
            conclusion = "suggests"
    return Overall(
        claim=cells[0].claim,
        method=method,
        cells=tuple(cells),
        conclusion=conclusion,
        counted=tuple(counted),
        supported=tuple(supporting),
        by_holm=int((in_favour < ALPHA).sum()),
        refuting=tuple(refuting),
        added=tuple(added),
    )


def _is_chosen(cell: Verdict, confirmatory: Sequence[Verdict]) -> bool:
    """Return whether an added cell has only some of the seeds of partners that were known by then.

    With a few seeds, chosen by the results of the partners, anything would beat them.
    """
    known = {trial: v.planned for v in confirmatory for trial in _partners(v)}
    return any(cell.planned < known.get(trial, 0) for trial in _partners(cell))


def _partners(verdict: Verdict) -> set[str]:
    """Return the trials that a cell is compared with."""
    name = f"trial_id{OF_PARTNER}"
    frames = (comparison.pairs for comparison in verdict.deciding)
    return {trial for pairs in frames if name in pairs for trial in pairs[name]}


def _refuting(cells: Sequence[Verdict]) -> list[Verdict]:
    """Return the cells that refute the claim after Holm's correction over these cells."""
    opposed = multiple.holm([v.p_against if v.uncorrected == "refuted" else 1.0 for v in cells])
    return [v for v, p in zip(cells, np.nan_to_num(opposed, nan=1.0), strict=True) if p < ALPHA]
