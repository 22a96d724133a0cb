"""What the report's page says of the verdicts and of studies side by side, as text."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from analysis.cells import CELL, heading, shown
from analysis.estimates.beside import beside
from analysis.numbers import MISSING, mean_and_half, number
from analysis.statistics.paired import Interval
from analysis.tables import Results
from analysis.verdicts import Comparison, Overall, Verdict, overall, telling, untested, verdicts
from analysis.verdicts.claim import Claim


def of_verdicts(results: Results, drawn: Sequence[str]) -> dict[str, Any]:
    """The verdicts and the claims that were not tested.

    Args:
        results: the study.
        drawn: names of the figures that are on the page.
    """
    found = verdicts(results)
    claims = [
        _claim(results, claim, list(own), drawn)
        for claim, own in groupby(found, key=lambda verdict: verdict.claim)
    ]
    left = [
        {
            "id": claim.id,
            "name": claim.name,
            "sentence": claim.sentence,
            "command": telling.command(claim),
        }
        for claim in untested(found)
    ]
    return {"claims": claims, "untested": left}


def _claim(
    results: Results, claim: Claim, own: Sequence[Verdict], drawn: Sequence[str]
) -> dict[str, Any]:
    every = [(verdict, one) for verdict in own for one in verdict.comparisons]
    named = [(_about(results, verdict), one) for verdict, one in every]
    return {
        "id": claim.id,
        "name": claim.name,
        "sentence": claim.sentence,
        "compared": telling.compared(own[0]),
        "figure": next((name for name in (claim.figure, "forest") if name in drawn), ""),
        "command": f"untuned verdict {' '.join(results.names)} --claim {claim.id} --pairs",
        "methods": [
            {
                "method": one.method,
                "conclusion": one.conclusion,
                "summed_up": telling.summed_up(results, one),
                "kind": _kind(one),
            }
            for one in overall(own)
        ],
        "rows": [_row(results, verdict) for verdict in own],
        "notes": telling.notes(results, claim, own),
        "comparisons": [
            (*((text, None) for text in about), *_compared(one)) for about, one in named
        ],
        "pairs": [
            (*about, *pair, value)
            for about, one in named
            for pair, value in zip(telling.pairs(one), one.pairs["difference"], strict=True)
        ],
    }


def _kind(one: Overall) -> str:
    exploratory = sum(bool(verdict.exploratory) for verdict in one.cells)
    if exploratory in (0, len(one.cells)):
        return "exploratory" if exploratory else "confirmatory"
    return f"exploratory in {exploratory} of {len(one.cells)}"


def _about(results: Results, verdict: Verdict) -> tuple[str, str]:
    return str(verdict.cell["method"]), telling.where(results, verdict) or MISSING


def _row(results: Results, verdict: Verdict) -> dict[str, Any]:
    """A verdict on a cell, as text, with the numbers that columns are sorted by."""
    one = verdict.decisive
    method, where = _about(results, verdict)
    return {
        "method": method,
        "where": where,
        "conclusion": verdict.conclusion,
        "reason": verdict.reason,
        "effect": f"{telling.effect(one)} {telling.unit(one)}",
        "mean": one.interval.mean,
        "closest": telling.closest(verdict),
        "bound": telling.bound(one),
        "n": verdict.n,
        "planned": verdict.planned,
        "p": chance(one.p),
        "p_value": one.p,
        "flip": chance(one.sign_flip),
        "flip_value": one.sign_flip,
        "images": _bounds(one, one.images),
        "image_value": one.images.mean if one.images else math.nan,
        "mcnemar": MISSING if one.mcnemar is None else f"{one.mcnemar[0]}, {one.mcnemar[1]}",
        "q": chance(verdict.q),
        "q_value": verdict.q,
    }


def _bounds(one: Comparison, found: Interval | None) -> str:
    return MISSING if found is None else telling.effect(one, found)


def _compared(one: Comparison) -> tuple[tuple[str, float | None], ...]:
    beside = "" if one.criterion.decides else " (beside)"
    says = f"{one.criterion.says}{beside}"
    place = telling.place(one)
    return (
        (f"{place}: {says}" if place else says, None),
        (f"{telling.effect(one)} {telling.unit(one)}", one.interval.mean),
        (telling.bound(one), one.bound),
        (chance(one.p), one.p),
        (chance(one.p_against), one.p_against),
        (telling.effect(one, one.bca).partition(" ")[2] or MISSING, one.bca.low),
        (str(one.interval.n), one.interval.n),
    )


def chance(p: float) -> str:
    """A p-value as text: ``0.032``, ``< 0.001``."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else number(p, 3)


def of_several(several: Mapping[str, Results]) -> dict[str, Any]:
    """Studies side by side: headings and a row per cell that they have in common."""
    found = beside(several)
    by = [name for name in CELL if len({one.cell[name] for one in found}) > 1] or ["method"]
    rows = []
    for one in found:
        values = [_accuracy(estimate) for estimate in one.accuracy]
        values += [
            _difference(d, equal) for d, equal in zip(one.difference, one.equal, strict=True)
        ]
        rows.append({"cell": [shown(name, one.cell[name]) for name in by], "numbers": values})
    return {"names": list(several), "headings": [heading(name) for name in by], "rows": rows}


def _accuracy(found: Interval | None) -> tuple[str, float]:
    if found is None:
        return MISSING, math.nan
    return f"{mean_and_half(found.mean, found.high, 2)} ({found.n})", found.mean


def _difference(found: Interval | None, equal: bool) -> tuple[str, float]:
    if found is None:
        return MISSING, math.nan
    if equal:
        return f"equal ({found.n})", 0.0
    return f"{mean_and_half(found.mean, found.high, 2, sign=True)} ({found.n})", found.mean
