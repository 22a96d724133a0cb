"""What a reader has to know of the pairs behind a verdict."""

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.tables import Results
from analysis.verdicts.claim import MARGIN
from analysis.verdicts.verdict import Comparison
from studies.trial import Value

#: Methods whose recorded answers per image are those of one of several random masks.
_RANDOM_MASKS = ("supermask",)
_CONDITIONS = {"engine": "engines", "device": "devices", "versions": "library versions"}
_UNVALUED = "finished, but one of the two never got to what is compared"


def lost(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """How many different trials in the pairs diverged, and how many are dead."""
    found: dict[str, set[str]] = {"diverged": set(), "dead": set()}
    for one in comparisons:
        for suffix in ("", "_of_partner"):
            if f"outcome{suffix}" in one.pairs:
                for outcome, trials in found.items():
                    same = one.pairs[f"outcome{suffix}"] == outcome
                    trials.update(one.pairs.loc[same, f"trial_id{suffix}"])
    return {outcome: len(trials) for outcome, trials in found.items()}


def flags(
    results: Results, cell: Mapping[str, Value], comparisons: Sequence[Comparison]
) -> tuple[str, ...]:
    """What a reader has to know of the pairs."""
    said = []
    pairs = pd.concat([one.pairs for one in comparisons])
    for name, words in _CONDITIONS.items():
        other = f"{name}_of_partner"
        if other in pairs and (apart := (pairs[name] != pairs[other]) & pairs[other].notna()).any():
            said.append(f"{apart.sum()} of {len(pairs)} pairs are of two {words}")
        mixed = {str(value) for n in (name, other) if n in pairs for value in pairs[n].dropna()}
        if len(mixed) > 1:
            said.append(f"mixture of {words}: {', '.join(sorted(mixed))}")
    if "dataset_fingerprint_of_partner" in pairs:
        marks = pairs[["dataset_fingerprint", "dataset_fingerprint_of_partner"]].dropna()
        apart = marks.iloc[:, 0] != marks.iloc[:, 1]
        if apart.any():
            said.append(f"{apart.sum()} of {len(pairs)} pairs are of different data")
    for words, which in (("without a finished partner", "alone"), (_UNVALUED, "unvalued")):
        seeds = sorted({seed for one in comparisons for seed in getattr(one, which)})
        if seeds:
            said.append(f"{words}: seed {', '.join(map(str, seeds))}")
    if results.margin_changed and any(
        MARGIN in (one.criterion.above, one.criterion.below) for one in comparisons
    ):
        said.append("a later definition states another margin; the earliest counts")
    trials = {id_ for name in ("trial_id", "trial_id_of_partner") for id_ in pairs.get(name, [])}
    doubted = trials.intersection(results.conflicts)
    if doubted:
        said.append(f"run twice with different results: {', '.join(sorted(doubted))}")
    if "caution" in pairs:
        said += sorted(set(pairs["caution"].dropna()))
    if str(cell["method"]).startswith(_RANDOM_MASKS):
        said.append("answers per image are those of the first of ten random masks")
    return tuple(said)
