"""The verdict on a claim over all cells of a method."""

from collections.abc import Sequence

import numpy as np

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
    added = _refuting([v for v in cells if v.added]) if confirmatory else []
    conclusion: Conclusion
    if confirmatory:
        conclusion = "undecided"
        if added or _refuting(counted):
            conclusion = "refuted"
        elif len(supporting) == len(counted):
            conclusion = "supported"
    else:  # the correction over all exploratory comparisons is made already
        conclusion = "open"
        if any(verdict.opposes for verdict in counted):
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
        added=tuple(added),
    )


def _refuting(cells: Sequence[Verdict]) -> list[Verdict]:
    """Return the cells that refute the claim after Holm's correction over these cells."""
    opposed = multiple.holm([v.p_against if v.uncorrected == "refuted" else 1.0 for v in cells])
    return [v for v, p in zip(cells, np.nan_to_num(opposed, nan=1.0), strict=True) if p < ALPHA]
