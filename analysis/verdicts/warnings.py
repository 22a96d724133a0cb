"""What a reader must know about the pairs behind a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimates.pairing import OF_PARTNER
from analysis.tables import Results
from analysis.verdicts.claim import Claim
from analysis.verdicts.floors import softmax_regression
from analysis.verdicts.formatting import place
from analysis.verdicts.verdict import Comparison
from studies.trial import Value

_CONDITIONS = {
    "engine": "engines",
    "device": "devices",
    "versions": "library versions or kinds of CPU",
    "tf32": "precisions (TF32 or not)",
}
_UNVALUED = "finished, but without a value to compare for one of the two"
_FAILURES = ("diverged", "dead", "at chance")


def failures(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Return how many different trials in the pairs diverged, are dead, or are at chance."""
    ids: dict[str, set[str]] = {failure: set() for failure in _FAILURES}
    for comparison in comparisons:
        pairs = comparison.pairs
        for suffix in ("", OF_PARTNER):
            if f"failure{suffix}" in pairs:
                columns = (pairs[f"{name}{suffix}"] for name in ("failure", "trial_id"))
                for failure, trial_id in zip(*columns, strict=True):
                    if failure in ids:
                        ids[failure].add(trial_id)
    return {failure: len(trials) for failure, trials in ids.items()}


def flags(
    results: Results,
    cell: Mapping[str, Value],
    claim: Claim,
    comparisons: Sequence[Comparison],
) -> tuple[str, ...]:
    """Return what a reader must know about the pairs, a phrase each.

    Args:
        results: the study.
        cell: the fields of the cell that is judged.
        claim: the claim.
        comparisons: those of its comparisons that decide, and those at places added later.
    """
    added = [place(one) for one in comparisons if one.added]
    comparisons = [one for one in comparisons if not one.added]
    compared = [one for one in comparisons if one.criterion.of_accuracies and len(one.pairs) > 1]
    cautions = (_all(comparisons, name) for name in ("caution", f"caution{OF_PARTNER}"))
    phrases = [
        *_of_conditions(comparisons),
        *_of_data(comparisons),
        *_of_answers(comparisons),
        *_of_seeds(comparisons),
        *_of_margins(results, comparisons),
        *_of_conflicts(results, comparisons),
        *sorted({*chain.from_iterable(cautions)}),
    ]
    if not all(one.over_images for one in compared):
        phrases.append(
            "answers to each test image are not recorded for all trials, so the interval includes "
            "the variation over seeds alone"
        )
    phrases += sorted({text for one in comparisons for text in _of_rates(one.pairs)})
    methods = {*_all(comparisons, "method"), *_all(comparisons, f"method{OF_PARTNER}")}
    if any(results.traits(str(method)).random_mask for method in methods):
        phrases.append("answers per image are those of the first of several random masks")
    phrases += _of_softmax_regression(results, cell, comparisons)
    phrases += _unfinished(comparisons) if claim.sweep else []
    if added:
        phrases.append(f"added later, not counted: {'; '.join(added)}")
    phrases += _left_out(results, cell)
    below = [f"{place(one)}: {one.floor}" for one in comparisons if claim.sweep and one.floor]
    if below:
        phrases.append(f"below the floor: {'; '.join(below)}")
    return tuple(phrases)


def _of_seeds(comparisons: Sequence[Comparison]) -> list[str]:
    """Return which seeds lack a partner or a value."""
    phrases = []
    for words, which in (("without a finished partner", "alone"), (_UNVALUED, "unvalued")):
        judged = [one for one in comparisons if not one.not_judged]
        seeds = sorted({seed for one in judged for seed in getattr(one, which)})
        if seeds:
            phrases.append(f"{words}: seed {', '.join(map(str, seeds))}")
    return phrases


def _of_answers(comparisons: Sequence[Comparison]) -> list[str]:
    """Return where two sides answer all images alike in all pairs, as if they were one network."""
    alike = [
        one
        for one in comparisons
        if one.over_images
        and (one.pairs["test_correct"] == one.pairs[f"test_correct{OF_PARTNER}"]).all()
    ]
    places = "; ".join(filter(None, map(place, alike)))
    where = f" ({places})" if places else ""
    return [f"both sides answer every test image alike in all pairs{where}"] if alike else []


def _of_margins(results: Results, comparisons: Sequence[Comparison]) -> list[str]:
    """Return that the margin was changed, if it decides."""
    decides = any(one.criterion.has_margin for one in comparisons)
    changed = "a later definition states another margin; the earliest counts"
    return [changed] if decides and results.margin_changed else []


def _of_conflicts(results: Results, comparisons: Sequence[Comparison]) -> list[str]:
    """Return which trials were run twice with different results."""
    names = ("trial_id", f"trial_id{OF_PARTNER}")
    trials = {trial for name in names for trial in _all(comparisons, name)}
    conflicts = sorted(trials.intersection(results.conflicts))
    return [f"run twice with different results: {', '.join(conflicts)}"] if conflicts else []


def _of_softmax_regression(
    results: Results, cell: Mapping[str, Value], comparisons: Sequence[Comparison]
) -> list[str]:
    """Return what the floor is if softmax regression was not run."""
    seeds = max((len(one.pairs) for one in comparisons if one.criterion.rival), default=0)
    if not seeds:
        return []
    floor, recorded = softmax_regression(results, str(cell["dataset"]), seeds)
    instead = f"{floor * 100:.2f}%, measured elsewhere" if floor > 0.5 else "chance"
    return [] if recorded else [f"softmax regression was not run; the floor is {instead}"]


def _unfinished(comparisons: Sequence[Comparison]) -> list[str]:
    """Return which places of a sweep are not finished, if others are."""
    unfinished = [one for one in comparisons if not one.complete]
    if len(unfinished) in (0, len(comparisons)):
        return []
    counts = [f"{place(one)} ({len(one.pairs)} of {one.planned})" for one in unfinished]
    return [f"unfinished: {'; '.join(counts)}"]


def _left_out(results: Results, cell: Mapping[str, Value]) -> list[str]:
    """Return which trials of the same network and data set did not end as planned."""
    rows = results.cut_short
    for name in ("network", "dataset"):
        rows = rows[rows[name] == cell[name]]
    columns = (rows[name] for name in ("trial_id", "outcome", "last_epoch", "epochs"))
    return [
        f"left out: trial {trial}, {outcome} after epoch {last} of {epochs}"
        for trial, outcome, last, epochs in zip(*columns, strict=True)
    ]


def _all(comparisons: Sequence[Comparison], name: str) -> Iterator[Any]:
    """Yield the values of a column of all pairs that are not missing."""
    for comparison in comparisons:
        if name in comparison.pairs:
            yield from (value for value in comparison.pairs[name] if not pd.isna(value))


def _of_conditions(comparisons: Sequence[Comparison]) -> list[str]:
    """Return how the trials differ in engine, device, library versions and kind of CPU."""
    phrases = []
    for name, words in _CONDITIONS.items():
        other = f"{name}{OF_PARTNER}"
        apart = total = 0
        for pairs in (one.pairs for one in comparisons if other in one.pairs):
            known = pairs[other].notna().to_numpy()
            differ = (pairs[name].to_numpy() != pairs[other].to_numpy()) & known
            apart, total = apart + int(np.count_nonzero(differ)), total + len(pairs)
        if apart:
            phrases.append(f"{apart} of {total} pairs are of two {words}")
        mixed = {str(value) for n in (name, other) for value in _all(comparisons, n)}
        if len(mixed) > 1:
            phrases.append(f"mixture of {words}: {', '.join(sorted(mixed))}")
    return phrases


def _of_rates(pairs: pd.DataFrame) -> set[str]:
    """Return how the two sides differ in a learning rate, or in having tuned their recipe."""
    names = ("learning_rate", f"learning_rate{OF_PARTNER}", "method", f"method{OF_PARTNER}")
    if names[1] not in pairs:
        return set()
    phrases = set()
    for own, other, ours, theirs in zip(*(pairs[name] for name in names), strict=True):
        if own == other:
            continue
        if min(own, other) > 0:
            phrases.add(f"learning rate {own:g}, that of the partner {other:g}")
        else:
            tuned, fixed = (ours, theirs) if own < other else (theirs, ours)
            phrases.add(f"the recipe of {tuned} is tuned, that of {fixed} is not")
    return phrases


def _of_data(comparisons: Sequence[Comparison]) -> list[str]:
    """Return whether the two trials of a pair were trained on different data."""
    name = "dataset_fingerprint"
    apart = total = 0
    for pairs in (one.pairs for one in comparisons if f"{name}{OF_PARTNER}" in one.pairs):
        both = zip(pairs[name], pairs[f"{name}{OF_PARTNER}"], strict=True)
        apart += sum(isinstance(a, str) and isinstance(b, str) and a != b for a, b in both)
        total += len(pairs)
    return [f"{apart} of {total} pairs are of different data"] if apart else []
