"""Verdicts formatted as text and as plain values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import label, panel_fields
from analysis.estimates.judged import HONEST
from analysis.numbers import MISSING, many, number
from analysis.statistics.paired import Interval
from analysis.tables import Results, computed_once
from analysis.verdicts.claim import Claim
from analysis.verdicts.verdict import LEVEL, Comparison, Overall, Verdict

#: Digits after the point and the printed unit, by the unit of a criterion.
_UNITS = {
    "points": (2, "points"),
    "percent": (1, "%"),
    "share": (1, "points"),
    "ratio": (2, "times"),
}

#: At most this many refuted cells are named; further ones are only counted.
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


def bound(comparison: Comparison) -> str:
    """Return where the mean must lie, in the criterion's unit, such as ``> −0.50``."""
    side = "<" if comparison.criterion.above is None else ">"
    return f"{side} {_shown(comparison.criterion.unit, comparison.bound)}"


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
    varied = _varied(results, str(verdict.cell["method"]))
    names = [name for name in varied if name not in verdict.claim.sweep]
    # The density of a method that needs none has no meaning; a tuned one differs by replicate.
    names = [name for name in names if name != "density" or verdict.cell[name] not in (0, HONEST)]
    if verdict.claim.study == "make bench":
        names = ["network", "batch_size"]
    return label({name: verdict.cell[name] for name in names})


@computed_once  # the page needs it several times for each of hundreds of verdicts
def _varied(results: Results, method: str) -> tuple[str, ...]:
    """Return the fields that make panels and that vary within a method."""
    trials = pd.concat([results.plan, results.trials])
    trials = trials[trials["method"] == method]
    return tuple(name for name in panel_fields(results) if trials[name].nunique() > 1)


def place(comparison: Comparison) -> str:
    """Return a comparison's place in its sweep, such as ``density 0.7``; empty without a sweep."""
    return label(dict(comparison.at))


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
    counts = [f"{count} {outcome}" for outcome, count in verdict.diverged_or_dead.items() if count]
    if not counts:
        return flags
    without = verdict.without_diverged_or_dead
    still = "still " if without == verdict.conclusion else ""
    failures = f"diverged or dead trials: {', '.join(counts)}"
    return [
        f"{failures}; without their pairs the verdict is {still}{without}",
        *flags,
    ]


def _spent(verdict: Verdict) -> list[str]:
    """Return what tuning cost, in a phrase, if something was tuned."""
    pairs = verdict.decisive.pairs
    if "spent" not in pairs or pairs.empty:
        return []
    trainings = pairs["spent"].mean()
    times = pairs["spent_seconds"].sum() / pairs["seconds_of_partner"].sum()
    cost = (
        f"{trainings:.3g} trainings per replicate for tuning and the final run, which took "
        f"{times:.3g} times as long as"
    )
    if "chosen" not in pairs:  # recipes were tuned, not densities
        return [f"{cost} the final run that it is compared with"]
    chosen = _choices(pairs["chosen"])
    return [f"{cost} the one threshold-free training; chosen densities (replicates): {chosen}"]


def _choices(chosen: "pd.Series[float]") -> str:
    counts = chosen.value_counts().sort_index()
    return ", ".join(f"{value:g} ({count})" for value, count in counts.items())


def summed_up(results: Results, combined: Overall) -> str:
    """Return how a claim's cells were combined, in a phrase."""
    kinds = "confirmatory " if len(combined.counted) < len(combined.cells) else ""
    if len(combined.counted) == 1:
        return f"one {kinds}cell"
    cells = many(len(combined.counted), f"{kinds}cell")
    if combined.conclusion == "supported":
        return f"in all {cells}; every cell must pass"
    phrase = f"supported in {len(combined.supported)} of {cells}"
    phrase += f" ({combined.by_holm} after Holm's correction)" if combined.supported else ""
    refuted = [where(results, v) for v in combined.counted if v.conclusion == "refuted"]
    if not refuted or len(refuted) == len(combined.counted):
        return phrase
    more = f" and {len(refuted) - _NAMED} more" if len(refuted) > _NAMED else ""
    return f"{phrase}; refuted at {'; '.join(refuted[:_NAMED])}{more}"


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
        for pair in comparison.pairs.to_dict("records")
    ]


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
    return " ".join(filter(None, [str(verdict.cell["method"]), where(results, verdict)]))


def command(claim: Claim) -> str:
    """Return the command that tests a claim."""
    return claim.study if claim.study.startswith("make ") else f"untuned run {claim.study}"


def as_dict(results: Results, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain values; effects are fractions, or ratios if the unit is a ratio."""
    return {
        "claim": verdict.claim.id,
        "name": verdict.claim.name,
        "sentence": verdict.claim.sentence,
        "method": verdict.cell["method"],
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
        "diverged_or_dead": dict(verdict.diverged_or_dead),
        "verdict_without_diverged_or_dead": verdict.without_diverged_or_dead,
        "flags": list(verdict.flags),
        "note": verdict.claim.note,
        "comparisons": [_comparison(comparison) for comparison in verdict.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    ratio = comparison.criterion.unit == "ratio"

    def shown(value: float) -> float | None:
        return _known(math.exp(value) if ratio else value)

    pairs, images = comparison.pairs.to_dict("records"), comparison.images
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
        "p": _known(comparison.p),
        "p_against": _known(comparison.p_against),
        "p_sign_flip": _known(comparison.sign_flip),
        "p_equivalence": _known(comparison.equivalence),
        "bca": [shown(comparison.bca.low), shown(comparison.bca.high)],
        "seeds_by_images": images and [shown(images.mean), shown(images.low), shown(images.high)],
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
    """Return numpy's numbers as Python's."""
    return {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items()}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
