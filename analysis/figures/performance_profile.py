"""Overview of all trials: the fraction of them above each difference to dense training."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import BASELINE, at_chosen
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.layout import finish, panel_grid
from analysis.drawing.limits import padded
from analysis.drawing.marks import draw_behind
from analysis.drawing.notes import sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.style import Style
from analysis.estimates.judged import against_trained, all_judged
from analysis.numbers import counted, number
from analysis.statistics.overview import interquartile_mean, performance_profile
from analysis.tables import Results

ORDER = 18
QUESTION = "accuracy"
TITLE = "Performance profile of all trials"
CAPTION = (
    "Fraction of a method's trials, over all cells and seeds, whose test accuracy exceeds that of "
    "dense, he-normal, by more than the value on the horizontal axis. Further right is better. "
    "Where lines cross, neither method is better throughout (after rliable, arXiv:2108.13264). "
    "This is an overview without a test, because it pools different cells."
)
#: The percentage of the lowest differences, such as those of dead trials, that the view leaves out.
_LEFT_OUT = 10
#: Widths of the first and the last line, so that equal lines stay visible.
_WIDEST, _NARROWEST = 3.4, 1.3


@dataclass(frozen=True)
class Profile:
    """What the figure shows.

    Attributes:
        at: differences to dense in points, [P], ascending.
        above: per method the percentage of its trials above each of them, [P].
        styles: the methods with their styles.
        note: the sentences below the panel.
    """

    at: NDArray[np.float64]
    above: Mapping[str, NDArray[np.float64]]
    styles: Mapping[str, Style] = field(repr=False)
    note: str


def summarise(results: Results) -> Profile:
    """Return per method the percentage of trials above each difference to dense, in points."""
    pairs = against_trained(at_chosen(results, all_judged(results)))
    pairs = pairs[pairs["difference"].notna() & (pairs["method"] != BASELINE)]
    if pairs.empty:
        raise NothingToDraw(f"No trial has a partner trained by {BASELINE} from he-normal weights.")
    styles = styles_of(results, pairs)
    differences = pairs["difference"].to_numpy(float) * 100
    low, high = padded(float(np.percentile(differences, _LEFT_OUT)), float(differences.max()))
    at = np.unique([low, *differences[differences >= low], high])
    scores = {name: differences[(pairs["method"] == name).to_numpy()] for name in styles}
    means = [
        f"{name} {number(interquartile_mean(of_method), 2, sign=True)} ({len(of_method)})"
        for name, of_method in scores.items()
    ]
    unseen = int((differences < low).sum())
    note = sentences(
        f"Interquartile mean in points (trials): {'; '.join(means)}.",
        f"Left of the view: {unseen} of {len(differences)} trials." if unseen else "",
        _diverged_or_dead(pairs),
    )
    above = {name: 100 * performance_profile(values, at) for name, values in scores.items()}
    return Profile(at, above, styles, note)


def draw(summary: Profile) -> Drawing:
    """Draw a falling line per method; the first ones are wider, so that none hides another."""
    figure, ((axes,),) = panel_grid([""], 3.4, up="trials above this difference (%)")
    widths = np.linspace(_WIDEST, _NARROWEST, len(summary.above)) if len(summary.above) > 1 else [2]
    for (method, above), width in zip(summary.above.items(), widths, strict=True):
        style = summary.styles[method]
        axes.step(summary.at, above, style.line, where="post", color=style.colour, lw=float(width))
    draw_behind(axes, ((0.0, "zero"),))
    axes.set(xlim=(summary.at[0], summary.at[-1]), ylim=(-1, 101))
    axes.set_xlabel(f"test accuracy minus that of {BASELINE}, he-normal (points)")
    return finish(figure, TITLE, CAPTION, summary.note, summary.styles, marks=False)


def _diverged_or_dead(pairs: pd.DataFrame) -> str:
    """Return a sentence on diverged or dead trials, or ""."""
    text = counted({name: (pairs["outcome"] == name).sum() for name in ("diverged", "dead")})
    return f"Of these trials {text}; they count with their accuracy or chance." if text else ""
