"""Verdicts formatted as text and as plain values."""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from analysis.cells import RECIPE, TUNED_VALUES, label, panel_fields, varying_within
from analysis.numbers import MISSING, many, number
from analysis.statistics.paired import Interval
from analysis.tables import Results
from analysis.verdicts.claim import Claim
from analysis.verdicts.verdict import LEVEL, Comparison, Overall, Verdict
from studies.trial import FIELDS

#: Digits after the point and the printed unit, by the unit of a criterion.
_UNITS = {
    "points": (2, "points"),
    "percent": (1, "%"),
    "share": (1, "points"),
    "ratio": (2, "times"),
}

#: At most this many cells are named; further ones are only counted.
_NAMED = 3


def effect(comparison: Comparison, interval: Interval | None = None) -> str:
    """Return the mean difference with its interval in the criterion's unit.

    Such as ``−0.06 [−0.18, +0.07]``.
    """
    estimate = interval or comparison.interval
    unit = comparison.criterion.unit
    mean, low, high = (_shown(unit, v) for v in (estimate.mean, estimate.low, estimate.high))
    bounds = "" if math.isnan(estimate.low) else f" [{low}, {high}]"
    return f"{mean}{bounds}" if estimate.n else MISSING


def effect_in_unit(comparison: Comparison) -> str:
    """Return the `effect` with its unit; a dash alone if nothing is compared."""
    text = effect(comparison)
    return text if text == MISSING else f"{text} {unit(comparison)}"


def bound(comparison: Comparison) -> str:
    """Return where the mean must lie, in the criterion's unit, such as ``> −0.50``."""
    side = "<" if comparison.criterion.above is None else ">"
    return f"{side} {_shown(comparison.criterion.unit, comparison.bound)}"


def smallest_margin(verdict: Verdict) -> str:
    """Return the smallest margin that would be supported, in points; a dash if there is none."""
    return number(verdict.smallest_margin * 100, 2)


def unit(comparison: Comparison) -> str:
    """Return the printed unit: ``points``, ``%`` or ``times``."""
    return _UNITS[comparison.criterion.unit][1]


def _shown(unit: str, value: float) -> str:
    return number(in_unit(unit, value), _UNITS[unit][0], sign=unit in ("points", "share"))


def in_unit(unit: str, value: float) -> float:
    """Return a fraction in points or percent, or the ratio whose logarithm is given."""
    return math.exp(value) if unit == "ratio" else value * 100


def where(results: Results, verdict: Verdict) -> str:
    """Return the cell in words: the fields that vary within its method and are not swept over."""
    cell = verdict.cell
    if verdict.claim.study == "make bench":
        names: Sequence[str] = ("network", "batch_size")
    elif "method" in cell:
        names = varying_within(results, str(cell["method"]))
    else:
        names = panel_fields(results)
    shown = [name for name in names if name in cell and cell[name] != TUNED_VALUES.get(name)]
    # The density of a method that needs none has no meaning.
    return label({n: cell[n] for n in shown if n != "density" or cell[n] != 0})


def place(comparison: Comparison) -> str:
    """Return a comparison's place in its sweep, such as ``density 0.7``; empty without a sweep."""
    at: dict[str, object] = dict(comparison.at)
    if len(at) > 1:  # of several fields only those that say something
        at = {n: v for n, v in at.items() if n not in FIELDS or v != FIELDS[n].default}
        at = {n: v for n, v in at.items() if v not in ("", TUNED_VALUES.get(n))}
    return label(at)


def closest(verdict: Verdict) -> str:
    """Return at which place of its sweep, or by which criterion, a verdict is closest to failing.

    Empty if only one comparison decides.
    """
    decisive = verdict.decisive
    if len(verdict.deciding) == 1:
        return ""
    return place(decisive) or decisive.criterion.says


def kind(verdict: Verdict) -> str:
    """Return ``confirmatory``, or ``exploratory`` with the reasons."""
    return (
        f"exploratory: {'; '.join(verdict.exploratory)}" if verdict.exploratory else "confirmatory"
    )


def cautions(verdict: Verdict) -> list[str]:
    """Return what else a reader should know about a verdict, in phrases."""
    flags = [*_spent(verdict), *verdict.flags]
    counts = [f"{count} {failure}" for failure, count in verdict.failures.items() if count]
    if not counts:
        return flags
    without = verdict.without_diverged_or_dead
    still = "still " if without == verdict.conclusion else ""
    failures = f"failed trials: {', '.join(counts)}"
    return [
        f"{failures}; the verdict without their pairs: {still}{without}",
        *flags,
    ]


def _spent(verdict: Verdict) -> list[str]:
    """Return what tuning cost and chose, in a phrase, if the arm was tuned."""
    pairs = verdict.decisive.pairs
    if "spent" not in pairs or not pairs["spent"].notna().any():
        return []
    trainings = pairs["spent"].mean()
    times = pairs["spent_seconds"].sum() / pairs["seconds_of_partner"].sum()
    counts = pairs["chosen"].value_counts()
    chosen = "; ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    return [
        f"{trainings:.3g} trainings per seed for tuning and the final run, which took {times:.3g} "
        f"times as long as the final run of the partner; chosen (seeds): {chosen}"
    ]


def summed_up(results: Results, combined: Overall) -> str:
    """Return how a claim's cells were combined, in a phrase."""
    kinds = "confirmatory " if len(combined.counted) < len(combined.cells) else ""
    cells = many(len(combined.counted), f"{kinds}cell")
    if len(combined.counted) == 1 and not combined.added:
        return f"one {kinds}cell"
    if combined.conclusion in ("supported", "suggests"):
        return f"in all {cells}; every cell must pass"
    for_it, against = ("supported", "refuted")
    if combined.counted[0].exploratory:  # a claim is not even supported in part
        for_it, against = ("suggested", "spoken against")
    phrase = f"{for_it} in {len(combined.supported)} of {cells}"
    if combined.supported:
        phrase += f" ({combined.by_holm} after Holm's correction)"
    opposed = [where(results, v) for v in combined.counted if v.opposes]
    if opposed and len(opposed) < len(combined.counted):
        phrase += f"; {against} at {_named(opposed)}"
        if len(combined.refuting) < len(opposed):
            phrase += f" ({len(combined.refuting)} after Holm's correction)"
    if combined.added:
        added = [where(results, verdict) for verdict in combined.added]
        phrase += f"; refuted in cells that were added later: {_named(added)}"
    return phrase


def _named(places: Sequence[str]) -> str:
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return f"{'; '.join(places[:_NAMED])}{more}"


def pairs(comparison: Comparison) -> list[tuple[str, str, str, str, str]]:
    """Return the pairs behind a comparison as text.

    Returns:
        A row per pair: place in the sweep or criterion, seed, trial, partner, difference.
    """
    name = place(comparison) or comparison.criterion.says
    return [
        (
            name,
            str(pair["seed"]),
            str(pair["trial_id"]),
            str(pair.get("trial_id_of_partner", MISSING)),
            _shown(comparison.criterion.unit, pair["difference"]),
        )
        for pair in _columns(comparison, ("seed", "trial_id", "trial_id_of_partner", "difference"))
    ]


def _columns(comparison: Comparison, names: Sequence[str]) -> list[dict[Hashable, Any]]:
    """Return these columns of the pairs, as far as they have them; all others cost time."""
    known = [name for name in names if name in comparison.pairs]
    return comparison.pairs[known].to_dict("records")


def compared(verdict: Verdict) -> list[str]:
    """Return what the verdicts of a claim compare, each with the claimed bound."""
    by_criterion = {comparison.criterion: comparison for comparison in verdict.deciding}
    return [f"{c.says} (claimed: {bound(one)} {unit(one)})" for c, one in by_criterion.items()]


def notes(results: Results, claim: Claim, verdicts: Sequence[Verdict]) -> list[str]:
    """Return what a reader should know about a claim's verdicts beside the numbers.

    A note on some of the cells names them; a note on all of them appears once.
    """
    cells_of: dict[str, list[str]] = {}
    for verdict in verdicts:
        for text in (kind(verdict), *cautions(verdict)):
            cells_of.setdefault(text, []).append(_name(results, verdict))
    texts = [
        text if len(cells) == len(verdicts) else f"{'; '.join(cells)}: {text}"
        for text, cells in cells_of.items()
    ]
    return [*texts, *([claim.note] if claim.note else [])]


def _name(results: Results, verdict: Verdict) -> str:
    return " ".join(filter(None, [verdict.method, where(results, verdict)]))


def command(claim: Claim) -> str:
    """Return the command that tests a claim."""
    return claim.study if claim.study.startswith("make ") else f"untuned run {claim.study}"


def as_dict(results: Results, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain values; effects are fractions, or ratios if the unit is a ratio."""
    return {
        "claim": verdict.claim.id,
        "name": verdict.claim.name,
        "sentence": verdict.claim.sentence,
        "method": verdict.method,
        "cell": _plain(dict(verdict.cell)),
        "where": where(results, verdict),
        "verdict": verdict.conclusion,
        "reason": verdict.reason,
        "n": verdict.n,
        "planned": verdict.planned,
        "p": _known(verdict.p),
        "confirmatory": not verdict.exploratory,
        "exploratory_because": list(verdict.exploratory),
        "q": _known(verdict.q),
        "smallest_margin": _known(verdict.smallest_margin),
        "diverged_or_dead": dict(verdict.failures),
        "verdict_without_diverged_or_dead": verdict.without_diverged_or_dead,
        "flags": list(verdict.flags),
        "note": verdict.claim.note,
        "comparisons": [_comparison(comparison) for comparison in verdict.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    ratio = comparison.criterion.unit == "ratio"

    def shown(value: float) -> float | None:
        return _known(math.exp(value) if ratio else value)

    pairs, seeds = comparison.pairs.to_dict("records"), comparison.over_seeds
    better = comparison.improvement
    return {
        "says": comparison.criterion.says,
        "at": _plain(dict(comparison.at)),
        "decides": comparison.criterion.decides,
        "unit": "ratio" if ratio else "fraction",
        "effect": shown(comparison.interval.mean),
        "low": shown(comparison.interval.low),
        "high": shown(comparison.interval.high),
        "level": LEVEL,
        "side": "below" if comparison.criterion.above is None else "above",
        "bound": shown(comparison.bound),
        "n": comparison.interval.n,
        "over_images": comparison.over_images,
        "floor": comparison.floor,
        "p": _known(comparison.p),
        "p_against": _known(comparison.p_against),
        "p_sign_flip": _known(comparison.sign_flip),
        "p_equivalence": _known(comparison.equivalence),
        "bca": [shown(comparison.bca.low), shown(comparison.bca.high)],
        "over_seeds": [shown(seeds.low), shown(seeds.high)],
        "probability_of_improvement": better
        and [_known(better.mean), _known(better.low), _known(better.high)],
        "q": _known(comparison.q),
        "q_against": _known(comparison.q_against),
        "smallest_margin": _known(comparison.smallest_margin),
        "mcnemar_better_worse": comparison.mcnemar and list(comparison.mcnemar),
        "unpaired_seeds": list(comparison.alone),
        "pairs": [
            {
                "seed": int(pair["seed"]),
                "trial": pair["trial_id"],
                "partner": pair.get("trial_id_of_partner"),
                "difference": shown(pair["difference"]),
            }
            for pair in pairs
        ],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of fields as JSON has them: "tuned" for those that each arm tunes."""
    plain = {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items()}
    marked = {name for name, v in plain.items() if v == TUNED_VALUES.get(name)}
    tuned = {name for name in marked if plain[name] != FIELDS[name].default}
    if tuned.intersection(RECIPE):
        tuned.update(RECIPE)  # whoever tunes a part of it has chosen all of it
    return {name: "tuned" if name in tuned else v for name, v in plain.items()}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
