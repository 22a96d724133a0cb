"""Verdicts in words and as plain values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.cells import label, settings
from analysis.estimates.pairing import HONEST
from analysis.numbers import MISSING, many, number
from analysis.statistics.paired import Interval
from analysis.tables import Results, computed_once
from analysis.verdicts.claim import Claim
from analysis.verdicts.verdict import LEVEL, Comparison, Overall, Verdict

#: Per unit of a criterion: digits after the point, and how it is written.
_UNITS = {
    "points": (2, "points"),
    "percent": (1, "%"),
    "share": (1, "points"),
    "ratio": (2, "times"),
}

#: More refuted cells than these are only counted.
_NAMED = 3


def effect(comparison: Comparison, interval: Interval | None = None) -> str:
    """``−0.06 [−0.18, +0.07]``: the mean difference and its interval, in the criterion's unit."""
    found = interval or comparison.interval
    unit = comparison.criterion.unit
    mean, low, high = (_shown(unit, value) for value in (found.mean, found.low, found.high))
    bounds = "" if math.isnan(found.low) else f" [{low}, {high}]"
    return f"{mean}{bounds}" if found.n else MISSING


def bound(comparison: Comparison) -> str:
    """``> −0.50``: where the mean has to lie, in the criterion's unit."""
    side = "<" if comparison.criterion.above is None else ">"
    return f"{side} {_shown(comparison.criterion.unit, comparison.bound)}"


def unit(comparison: Comparison) -> str:
    """``points``, ``%`` or ``times``."""
    return _UNITS[comparison.criterion.unit][1]


def _shown(unit: str, value: float) -> str:
    return number(in_unit(unit, value), _UNITS[unit][0], sign=unit in ("points", "share"))


def in_unit(unit: str, value: float) -> float:
    """A fraction in points or percent, a logarithm as the ratio that it is of."""
    return math.exp(value) if unit == "ratio" else value * 100


def where(results: Results, verdict: Verdict) -> str:
    """The cell in words: the fields that are varied within its method and are not swept over."""
    every = _varied(results, str(verdict.cell["method"]))
    names = [name for name in every if name not in verdict.claim.sweep]
    # A density of a method that needs none says nothing, and nor does one that was tuned.
    names = [name for name in names if name != "density" or verdict.cell[name] not in (0, HONEST)]
    if verdict.claim.study == "make bench":
        names = ["network", "batch_size"]
    return label({name: verdict.cell[name] for name in names})


@computed_once  # the page asks for it several times a verdict, hundreds in all
def _varied(results: Results, method: str) -> tuple[str, ...]:
    """The fields that make panels and that are varied within a method."""
    own = pd.concat([results.plan, results.trials])
    own = own[own["method"] == method]
    return tuple(name for name in settings(results) if own[name].nunique() > 1)


def place(comparison: Comparison) -> str:
    """``density 0.7``: where in a sweep a comparison stands; empty without one."""
    return label(dict(comparison.at))


def closest(verdict: Verdict) -> str:
    """Where in its sweep, or by which of its criteria, a verdict comes closest to failing."""
    one = verdict.decisive
    if len(verdict.deciding) == 1:
        return ""
    return place(one) or one.criterion.says


def kind(verdict: Verdict) -> str:
    """``confirmatory``, or why it is exploratory."""
    return (
        f"exploratory: {'; '.join(verdict.exploratory)}" if verdict.exploratory else "confirmatory"
    )


def cautions(verdict: Verdict) -> list[str]:
    """What else has to be known of a verdict, in phrases."""
    flags = [*_spent(verdict), *verdict.flags]
    lost = [f"{count} {outcome}" for outcome, count in verdict.lost.items() if count]
    if not lost:
        return flags
    still = "still " if verdict.without_lost == verdict.conclusion else ""
    said = f"of its trials {' and '.join(lost)}; without them {still}{verdict.without_lost}"
    return [said, *flags]


def _spent(verdict: Verdict) -> list[str]:
    """What tuning cost, where something was tuned."""
    pairs = verdict.decisive.pairs
    if "spent" not in pairs or pairs.empty:
        return []
    trainings = pairs["spent"].mean()
    times = pairs["spent_seconds"].sum() / pairs["seconds_of_partner"].sum()
    return [
        f"tuned with {trainings:.3g} trainings a replicate, which took {times:.3g} times the "
        f"seconds of the one threshold-free; chosen: {_choices(pairs['chosen'])}"
    ]


def _choices(chosen: "pd.Series[float]") -> str:
    counts = chosen.value_counts().sort_index()
    return ", ".join(f"{value:g} ({count})" for value, count in counts.items())


def summed_up(results: Results, one: Overall) -> str:
    """How a claim's cells were combined, in a sentence."""
    kinds = "confirmatory " if len(one.counted) < len(one.cells) else ""
    if len(one.counted) == 1:
        return f"one {kinds}cell"
    cells = many(len(one.counted), f"{kinds}cell")
    if one.conclusion == "supported":
        return f"in all {cells}, each of which had to pass"
    said = f"supported in {len(one.supported)} of {cells}"
    said += f", in {one.by_holm} by Holm's correction" if one.supported else ""
    refuted = [where(results, v) for v in one.counted if v.conclusion == "refuted"]
    if not refuted or len(refuted) == len(one.counted):
        return said
    more = f" and {len(refuted) - _NAMED} more" if len(refuted) > _NAMED else ""
    return f"{said}; refuted at {'; '.join(refuted[:_NAMED])}{more}"


def pairs(one: Comparison) -> list[tuple[str, str, str, str, str]]:
    """The rows behind a comparison: where in the sweep, seed, trial, its partner, difference."""
    says = place(one) or one.criterion.says
    return [
        (
            says,
            str(pair["seed"]),
            str(pair["trial_id"]),
            str(pair.get("trial_id_of_partner", MISSING)),
            _shown(one.criterion.unit, pair["difference"]),
        )
        for pair in one.pairs.to_dict("records")
    ]


def compared(verdict: Verdict) -> list[str]:
    """What the verdicts of a claim compare, and what is claimed of it."""
    criteria = {one.criterion: one for one in verdict.deciding}
    return [f"{c.says}, claimed {bound(one)} {unit(one)}" for c, one in criteria.items()]


def notes(results: Results, claim: Claim, own: Sequence[Verdict]) -> list[str]:
    """What holds of a claim's verdicts beside the numbers, each said once."""
    said: dict[str, list[str]] = {}
    for verdict in own:
        for text in (kind(verdict), *cautions(verdict)):
            said.setdefault(text, []).append(_name(results, verdict))
    found = [
        text if len(cells) == len(own) else f"{'; '.join(cells)}: {text}"
        for text, cells in said.items()
    ]
    return [*found, *([claim.note] if claim.note else [])]


def _name(results: Results, verdict: Verdict) -> str:
    return " ".join(filter(None, [str(verdict.cell["method"]), where(results, verdict)]))


def command(claim: Claim) -> str:
    """What to run for a claim to be tested."""
    return claim.study if claim.study.startswith("make ") else f"untuned run {claim.study}"


def as_dict(results: Results, verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values; effects as fractions, or as ratios where the unit says so."""
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
        "lost": dict(verdict.lost),
        "verdict_without_lost": verdict.without_lost,
        "flags": list(verdict.flags),
        "note": verdict.claim.note,
        "comparisons": [_comparison(one) for one in verdict.comparisons],
    }


def _comparison(one: Comparison) -> dict[str, Any]:
    ratio = one.criterion.unit == "ratio"

    def shown(value: float) -> float | None:
        return _known(math.exp(value) if ratio else value)

    pairs = one.pairs.to_dict("records")
    return {
        "says": one.criterion.says,
        "at": _plain(dict(one.at)),
        "decides": one.criterion.decides,
        "unit": "ratio" if ratio else "fraction",
        "effect": shown(one.interval.mean),
        "low": shown(one.interval.low),
        "high": shown(one.interval.high),
        "level": LEVEL,
        "side": "below" if one.criterion.above is None else "above",
        "bound": shown(one.bound),
        "n": one.interval.n,
        "p": _known(one.p),
        "p_against": _known(one.p_against),
        "p_sign_flip": _known(one.sign_flip),
        "p_equivalence": _known(one.equivalence),
        "bca": [shown(one.bca.low), shown(one.bca.high)],
        "seeds_by_images": one.images
        and [shown(one.images.mean), shown(one.images.low), shown(one.images.high)],
        "mcnemar_better_worse": one.mcnemar and list(one.mcnemar),
        "unpaired_seeds": list(one.alone),
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
    """Numpy's numbers as Python's."""
    return {name: v.item() if isinstance(v, np.generic) else v for name, v in values.items()}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
