"""What a reader must know about the pairs behind a verdict."""

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.tables import Results
from analysis.verdicts.claim import MARGIN
from analysis.verdicts.verdict import Comparison
from studies.trial import Value

_CONDITIONS = {"engine": "engines", "device": "devices", "versions": "library versions"}
_UNVALUED = "finished, but one of the two never reached what is compared"


def diverged_or_dead(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Return how many different trials in the pairs diverged, and how many are dead."""
    ids: dict[str, set[str]] = {"diverged": set(), "dead": set()}
    for comparison in comparisons:
        pairs = comparison.pairs
        for suffix in ("", "_of_partner"):
            if f"outcome{suffix}" in pairs:
                for outcome, trials in ids.items():
                    same = pairs[f"outcome{suffix}"] == outcome
                    trials.update(pairs.loc[same, f"trial_id{suffix}"])
    return {outcome: len(trials) for outcome, trials in ids.items()}


def flags(
    results: Results, cell: Mapping[str, Value], comparisons: Sequence[Comparison]
) -> tuple[str, ...]:
    """Return what a reader must know about the pairs, a phrase each.

    Args:
        results: the study.
        cell: the fields of the cell that is judged.
        comparisons: its comparisons.
    """
    pairs = pd.concat([comparison.pairs for comparison in comparisons])
    phrases = [*_of_conditions(pairs), *_of_data(pairs)]
    for words, which in (("without a finished partner", "alone"), (_UNVALUED, "unvalued")):
        seeds = sorted({seed for one in comparisons for seed in getattr(one, which)})
        if seeds:
            phrases.append(f"{words}: seed {', '.join(map(str, seeds))}")
    if results.margin_changed and any(
        MARGIN in (one.criterion.above, one.criterion.below) for one in comparisons
    ):
        phrases.append("a later definition states another margin; the earliest counts")
    trials = {id_ for name in ("trial_id", "trial_id_of_partner") for id_ in pairs.get(name, [])}
    conflicts = trials.intersection(results.conflicts)
    if conflicts:
        phrases.append(f"run twice with different results: {', '.join(sorted(conflicts))}")
    if "caution" in pairs:
        phrases += sorted(set(pairs["caution"].dropna()))
    if results.traits(str(cell["method"])).random_mask:
        phrases.append("answers per image are those of the first of several random masks")
    return tuple(phrases)


def _of_conditions(pairs: pd.DataFrame) -> list[str]:
    """Return how the trials differ in engine, device and library versions."""
    phrases = []
    for name, words in _CONDITIONS.items():
        other = f"{name}_of_partner"
        if other in pairs:
            apart = (pairs[name] != pairs[other]) & pairs[other].notna()
            if apart.any():
                phrases.append(f"{apart.sum()} of {len(pairs)} pairs are of two {words}")
        mixed = {str(value) for n in (name, other) if n in pairs for value in pairs[n].dropna()}
        if len(mixed) > 1:
            phrases.append(f"mixture of {words}: {', '.join(sorted(mixed))}")
    return phrases


def _of_data(pairs: pd.DataFrame) -> list[str]:
    """Return whether the two trials of a pair were trained on different data."""
    if "dataset_fingerprint_of_partner" not in pairs:
        return []
    prints = pairs[["dataset_fingerprint", "dataset_fingerprint_of_partner"]].dropna()
    apart = prints.iloc[:, 0] != prints.iloc[:, 1]
    return [f"{apart.sum()} of {len(pairs)} pairs are of different data"] if apart.any() else []
