"""The sentences below a figure: seeds, intervals, failures and what is left out."""

from collections.abc import Iterable

import pandas as pd

from analysis.drawing.limits import Outside
from analysis.numbers import counted, extent, listed, many


def sentences(*parts: str) -> str:
    """Join the parts that are not empty."""
    return " ".join(part for part in parts if part)


def seeds(counts: Iterable[int], mark: str) -> str:
    """Return the sentence on seeds and intervals.

    Args:
        counts: number of seeds of each mean.
        mark: what shows the interval, such as ``band``.
    """
    sizes = sorted({int(n) for n in counts if n > 0})
    if not sizes:
        return "No trial with a recorded value."
    if sizes == [1]:
        return f"n = 1 seed: single trials, no {mark}."
    single = ", none where n = 1" if sizes[0] == 1 else ""
    n = extent(sizes, "seed")
    return f"Mean over n = {n}; {mark}: 95% t interval of the mean{single}."


def diverged_or_dead(trials: pd.DataFrame) -> str:
    """Return a sentence on diverged or dead trials and on those without accuracy, or ""."""
    text = counted(
        {
            "diverged": (trials["outcome"] == "diverged").sum(),
            "dead": (trials["outcome"] == "dead").sum(),
            "without a recorded accuracy (not in the means)": trials["test_accuracy"].isna().sum(),
        }
    )
    return f"Of {len(trials)} trials: {text}." if text else ""


def margin_zone(margin: float | None) -> str:
    """Return the sentence on the shaded zone of a study's margin, or ""."""
    return "" if margin is None else f"Grey: the study's margin, {margin:g} points on either side."


def unseen(views: Iterable[Outside]) -> str:
    """Return sentences on what lies out of the views and on equal seeds, or ""."""
    every = list(views)
    seen = Outside(
        *(sum(getattr(view, name) for view in every) for name in Outside.__annotations__)
    )
    phrases = [f"{seen.seeds} of {seen.of} seeds"] if seen.seeds else []
    phrases += [many(seen.means, "mean")] if seen.means else []
    phrases += [many(seen.ends, "end") + " of intervals"] if seen.ends else []
    arrows = f"Arrows at an edge: {listed(phrases)} outside the view." if phrases else ""
    same = "“n equal”: all n seeds have the same value, so there is no interval."
    return sentences(arrows, same if any(view.equal for view in every) else "")
