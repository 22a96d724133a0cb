"""Overview of all trials: the fraction of them above each difference to dense training."""

import numpy as np
import pandas as pd

from analysis.cells import BASELINE
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    finish,
    limits,
    panel_grid,
    percent,
    sentences,
    styles_of,
)
from analysis.estimates.judged import against_trained, all_judged
from analysis.numbers import number
from analysis.statistics.overview import interquartile_mean, performance_profile
from analysis.tables import Results

ORDER = 18
TITLE = "Performance profile of all trials"
_POINTS = 500
#: The percentage of the lowest differences, such as those of dead trials, that the view leaves out.
_LEFT_OUT = 10


def draw(results: Results) -> Drawing:
    """Draw per method the fraction of trials above each difference to dense, in points."""
    pairs = against_trained(all_judged(results))
    pairs = pairs[pairs["difference"].notna() & (pairs["method"] != BASELINE)]
    if pairs.empty:
        raise NothingToDraw(f"No trial has a partner trained by {BASELINE} from he-normal weights.")
    across = f"test accuracy minus that of {BASELINE}, he-normal (points)"
    up = "trials above this difference (%)"
    figure, ((axes, _),), _ = panel_grid([Panel("", pairs)], 3.6, across, up)
    shown = styles_of(results, pairs)
    differences = percent(pairs["difference"])
    low, high = limits(float(np.percentile(differences, _LEFT_OUT)), float(differences.max()))
    at = np.linspace(low, high, _POINTS)
    means = []
    for method, style in shown.items():
        scores = percent(pairs.loc[pairs["method"] == method, "difference"])
        axes.step(
            at, performance_profile(scores, at) * 100, color=style.colour, linestyle=style.line
        )
        mean = number(interquartile_mean(scores), 2, sign=True)
        means.append(f"{method} {mean} ({len(scores)})")
    axes.axvline(0, color="#333333", lw=0.9, zorder=0.5)
    axes.set_xlim(low, high)
    axes.set_ylim(-1, 101)
    unseen = int((differences < low).sum())
    note = sentences(
        f"Interquartile mean in points (trials): {'; '.join(means)}.",
        f"Left of the view: {unseen} of {len(differences)} trials." if unseen else "",
        _diverged_or_dead(pairs),
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Fraction of a method's trials, over all cells and seeds, whose test accuracy exceeds that "
        "of dense, he-normal, by more than the value on the horizontal axis. Further right is "
        "better. Where lines cross, neither method is better throughout (after rliable, "
        "arXiv:2108.13264). This is an overview without a test, because it pools different cells."
    )
    return Drawing(figure, TITLE, caption, note)


def _diverged_or_dead(pairs: pd.DataFrame) -> str:
    """Return a sentence on diverged or dead trials, or ""."""
    counts = pairs["outcome"].value_counts()
    phrases = [f"{counts[name]} {name}" for name in ("diverged", "dead") if counts.get(name, 0)]
    if not phrases:
        return ""
    return f"Of these trials {', '.join(phrases)}; they count with their accuracy or chance."
