"""The verdict on a claim over all cells of a method."""

from collections.abc import Sequence

from analysis.statistics import multiple
from analysis.verdicts.verdict import ALPHA, Conclusion, Overall, Verdict


def overall(given: Sequence[Verdict]) -> list[Overall]:
    """Return the combined verdict of each claim and method, in the order of the verdicts."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in given:
        groups.setdefault((verdict.claim.id, str(verdict.cell["method"])), []).append(verdict)
    return [_combined(method, cells) for (_, method), cells in groups.items()]


def _combined(method: str, cells: Sequence[Verdict]) -> Overall:
    confirmatory = [verdict for verdict in cells if not verdict.exploratory]
    counted = confirmatory or list(cells)
    supported = [verdict for verdict in counted if verdict.conclusion == "supported"]
    in_favour = multiple.holm([v.p if v in supported else 1.0 for v in counted])
    refuted = [verdict for verdict in counted if verdict.conclusion == "refuted"]
    opposed = multiple.holm([v.p_against if v in refuted else 1.0 for v in counted])
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
