"""The page's sections on verdicts and on studies side by side, as text."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from analysis.cells import CELL, heading, shown
from analysis.estimates.across_studies import common_cells
from analysis.numbers import MISSING, number, with_interval
from analysis.questions._finding import Entry
from analysis.statistics.paired import Interval
from analysis.tables import Results
from analysis.verdicts import Comparison, Overall, Verdict, formatting, lack, overall, untested
from analysis.verdicts.claim import Claim


def of_verdicts(results: Results, given: Sequence[Verdict], drawn: Sequence[str]) -> dict[str, Any]:
    """Return what the page shows about the verdicts and about the claims that were not tested.

    Args:
        results: the study.
        given: its verdicts, in the claims' order.
        drawn: names of the figures on the page.
    """
    claims = [
        _claim(results, claim, list(cells), drawn)
        for claim, cells in groupby(given, key=lambda verdict: verdict.claim)
    ]
    not_tested = [
        {
            "id": claim.id,
            "name": claim.name,
            "sentence": claim.sentence,
            "command": formatting.command(claim),
            "lack": lack(results, claim),
        }
        for claim in untested(given)
    ]
    return {"claims": claims, "untested": not_tested}


def _claim(
    results: Results, claim: Claim, cells: Sequence[Verdict], drawn: Sequence[str]
) -> dict[str, Any]:
    compared = [
        (Entry(verdict.method, below=_cell(results, verdict)), comparison)
        for verdict in cells
        for comparison in verdict.comparisons
    ]
    return {
        "id": claim.id,
        "name": claim.name,
        "sentence": claim.sentence,
        "compared": formatting.compared(cells[0]),
        "figure": next((name for name in (claim.figure, "forest") if name in drawn), ""),
        "command": f"untuned verdict {' '.join(results.names)} --claim {claim.id} --pairs",
        "methods": [
            {
                "method": combined.method,
                "conclusion": combined.conclusion,
                "summed_up": formatting.summed_up(results, combined),
                "kind": _kind(combined),
                **_least_favourable(combined),
            }
            for combined in overall(cells)
        ],
        "rows": [_row(results, verdict) for verdict in cells],
        "notes": formatting.notes(results, claim, cells),
        "comparisons": [(name, *_comparison(comparison)) for name, comparison in compared],
        "pairs": [(name, *pair) for name, comparison in compared for pair in _pairs(comparison)],
    }


def _least_favourable(combined: Overall) -> dict[str, Any]:
    """Return the effect in the cell that comes closest to failing, and the claimed bound."""
    decisive = [verdict.decisive for verdict in combined.counted]
    one = max(decisive, key=lambda comparison: 1.0 if math.isnan(comparison.p) else comparison.p)
    return {
        "effect": formatting.effect_in_unit(one),
        "mean": one.interval.mean,
        "bound": formatting.bound(one),
    }


def _kind(combined: Overall) -> str:
    exploratory = sum(bool(verdict.exploratory) for verdict in combined.cells)
    if exploratory in (0, len(combined.cells)):
        return "exploratory" if exploratory else "confirmatory"
    return f"exploratory in {exploratory} of {len(combined.cells)}"


def _cell(results: Results, verdict: Verdict) -> str:
    return formatting.where(results, verdict) or MISSING


def _row(results: Results, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict on a cell as text, with the numbers that columns are sorted by."""
    decisive = verdict.decisive
    seeds, mcnemar = decisive.over_seeds, decisive.mcnemar
    return {
        "method": verdict.method,
        "where": _cell(results, verdict),
        "conclusion": verdict.conclusion,
        "reason": verdict.reason,
        "effect": formatting.effect_in_unit(decisive),
        "mean": decisive.interval.mean,
        "closest": formatting.closest(verdict),
        "bound": formatting.bound(decisive),
        "n": verdict.n,
        "planned": verdict.planned,
        "p": p_text(decisive.p),
        "p_value": decisive.p,
        "flip": p_text(decisive.sign_flip),
        "flip_value": decisive.sign_flip,
        "seeds": formatting.effect(decisive, seeds) if decisive.over_images else MISSING,
        "seeds_value": seeds.mean if decisive.over_images else math.nan,
        "mcnemar": MISSING if mcnemar is None else f"{mcnemar[0]}, {mcnemar[1]}",
        "q": p_text(verdict.q),
        "q_value": verdict.q,
    }


def _comparison(comparison: Comparison) -> tuple[Entry, ...]:
    """Return a row of the table of comparisons, without the method and the cell."""
    mark = "" if comparison.criterion.decides else " (does not decide)"
    criterion = f"{comparison.criterion.says}{mark}"
    place = formatting.place(comparison)
    effect = formatting.effect_in_unit(comparison)
    bca = formatting.effect(comparison, comparison.bca).partition(" ")[2] or MISSING
    return (
        Entry(f"{place}: {criterion}" if place else criterion, wraps=True),
        Entry(effect, comparison.interval.mean),
        Entry(formatting.bound(comparison), comparison.bound),
        Entry(p_text(comparison.p), comparison.p),
        Entry(p_text(comparison.p_against), comparison.p_against),
        Entry(bca, comparison.bca.low),
        Entry(str(comparison.interval.n), comparison.interval.n),
    )


def _pairs(comparison: Comparison) -> Iterator[tuple[Entry, ...]]:
    """Yield the rows of the table of pairs of trials, without the method and the cell."""
    differences = comparison.pairs["difference"]
    for pair, value in zip(formatting.pairs(comparison), differences, strict=True):
        name, seed, *trials, difference = pair
        ids = (Entry(Markup("<code>{}</code>").format(trial)) for trial in trials)
        yield Entry(name, wraps=True), Entry(seed, int(seed)), *ids, Entry(difference, value)


def p_text(p: float) -> str:
    """Return a p-value as text: ``0.032``, ``< 0.001``."""
    if math.isnan(p):
        return MISSING
    return "< 0.001" if p < 0.001 else number(p, 3)


def of_several(several: Mapping[str, Results]) -> dict[str, Any]:
    """Return the table of studies side by side: its heads, and a row per cell in common."""
    cells = common_cells(several)
    by = [name for name in CELL if len({common.cell[name] for common in cells}) > 1] or ["method"]
    rows = []
    for common in cells:
        values = [_accuracy(estimate) for estimate in common.accuracy]
        differences = zip(common.difference, common.equal, strict=True)
        values += [_difference(estimate, equal) for estimate, equal in differences]
        rows.append([*(Entry(shown(name, common.cell[name])) for name in by), *values])
    first, *others = several
    heads = [
        *((heading(name), "") for name in by),
        *((name, "accuracy (seeds)") for name in several),
        *((name, f"minus {first} (pairs)") for name in others),
    ]
    return {"names": list(several), "heads": heads, "rows": rows}


def _accuracy(estimate: Interval | None) -> Entry:
    if estimate is None:
        return Entry(MISSING, math.nan)
    return Entry(f"{_in_percent(estimate)} ({estimate.n})", estimate.mean)


def _difference(estimate: Interval | None, equal: bool) -> Entry:
    if estimate is None:
        return Entry(MISSING, math.nan)
    if equal:
        return Entry(f"equal ({estimate.n})", 0.0)
    return Entry(f"{_in_percent(estimate, sign=True)} ({estimate.n})", estimate.mean)


def _in_percent(estimate: Interval, *, sign: bool = False) -> str:
    return with_interval(estimate.mean, estimate.low, estimate.high, 2, sign=sign)
