"""All trials at a glance: the fraction of them above each difference to dense training."""

import numpy as np
import pandas as pd

from analysis.cells import BASELINE, METHOD_ONLY
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    finish,
    limits,
    methods_of,
    percent,
    sentences,
    sheet,
)
from analysis.estimates.pairing import TRAINED, judged, paired
from analysis.numbers import number
from analysis.statistics.overview import interquartile_mean, performance_profile
from analysis.tables import Results

ORDER = 18
TITLE = "Performance profile of all trials"
_POINTS = 500
#: The view leaves out the lowest so many percent of all differences, such as dead trials.
_LEFT_OUT = 10


def draw(results: Results) -> Drawing:
    """Draw per method the fraction of trials above each difference to dense, in points."""
    trials = judged(results)
    pairs = paired(trials, trials, TRAINED, METHOD_ONLY, "accuracy", 1.0)
    pairs = pairs[pairs["difference"].notna() & (pairs["method"] != BASELINE)]
    if pairs.empty:
        raise NothingToDraw(f"No trial has a partner trained by {BASELINE} from he-normal weights.")
    across = f"test accuracy minus that of {BASELINE}, he-normal (points)"
    figure, ((axes, _),), _ = sheet([Panel("", pairs)], 3.6, across, "trials above it (%)")
    shown = methods_of(results, pairs)
    every = percent(pairs["difference"])
    low, high = limits(float(np.percentile(every, _LEFT_OUT)), float(every.max()))
    at = np.linspace(low, high, _POINTS)
    middles = []
    for method, look in shown.items():
        own = percent(pairs.loc[pairs["method"] == method, "difference"])
        axes.step(at, performance_profile(own, at) * 100, color=look.colour, linestyle=look.line)
        middles.append(f"{method} {number(interquartile_mean(own), 2, sign=True)} ({len(own)})")
    axes.axvline(0, color="#333333", lw=0.9, zorder=0.5)
    axes.set_xlim(low, high)
    axes.set_ylim(-1, 101)
    unseen = int((every < low).sum())
    note = sentences(
        f"Interquartile mean in points (trials): {'; '.join(middles)}.",
        f"{unseen} of {len(every)} trials lie to the left." if unseen else "",
        _lost(pairs),
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Fraction of a method's trials, all settings and seeds together, whose accuracy lies above "
        "that of dense, he-normal, by more than the value below. The further right a line, the "
        "better; "
        "where lines cross, neither method is better throughout (after rliable, arXiv:2108.13264). "
        "An overview without a test: pooled settings are not alike."
    )
    return Drawing(figure, TITLE, caption, note)


def _lost(pairs: pd.DataFrame) -> str:
    """A sentence on trials that diverged or died, which count here with what they had."""
    counts = pairs["outcome"].value_counts()
    said = [f"{counts[name]} {name}" for name in ("diverged", "dead") if counts.get(name, 0)]
    return f"Of them {' and '.join(said)}, with their accuracy or chance." if said else ""
