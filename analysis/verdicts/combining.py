"""A claim's verdicts on several cells together."""

from collections.abc import Sequence

from analysis.statistics import multiple
from analysis.verdicts.verdict import ALPHA, Conclusion, Overall, Verdict


def overall(found: Sequence[Verdict]) -> list[Overall]:
    """The verdicts together, a claim and method each, in their order."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in found:
        groups.setdefault((verdict.claim.id, str(verdict.cell["method"])), []).append(verdict)
    return [_together(method, cells) for (_, method), cells in groups.items()]


def _together(method: str, cells: Sequence[Verdict]) -> Overall:
    confirmatory = [one for one in cells if not one.exploratory]
    counted = confirmatory or list(cells)
    supported = [one for one in counted if one.conclusion == "supported"]
    in_favour = multiple.holm([one.p if one in supported else 1.0 for one in counted])
    refuted = [one for one in counted if one.conclusion == "refuted"]
    opposed = multiple.holm([one.p_against if one in refuted else 1.0 for one in counted])
    conclusion: Conclusion = "undecided"
    if len(supported) == len(counted):
        conclusion = "supported"
    elif (opposed < ALPHA).any():
        conclusion = "refuted"
    return Overall(
        claim=cells[0].claim,
        method=method,
        cells=tuple(cells),
        conclusion=conclusion,
        counted=tuple(counted),
        supported=tuple(supported),
        by_holm=int((in_favour < ALPHA).sum()),
    )
