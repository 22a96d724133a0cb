"""The verdicts on differences of accuracies: paired difference, interval and bound."""

import math
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.ticker import FuncFormatter

from analysis.drawing import Drawing, NothingToDraw, sentences
from analysis.drawing.style import CONCLUSIONS
from analysis.tables import Results
from analysis.verdicts import Verdict, formatting, verdicts
from analysis.verdicts.claim import Claim

ORDER = 3
TITLE = "The verdicts: paired differences and their bounds"
#: Nobody reads more rows; a single study has fewer.
MOST_ROWS = 40
_ROW, _HEAD, _LINE = 0.24, 0.34, 0.14  # inches of a row, a claim's sentence, a further line
_WIDE, _WIDEST = 46, 110  # letters of a row's name and of a sentence
#: The axis is linear up to `_LINEAR` times the largest bound and logarithmic beyond, if it reaches
#: further than `_FAR` times its linear part.
_LINEAR, _FAR = 2, 8


def draw(results: Results) -> Drawing:
    """Draw a row per verdict in points, grouped by claim, with the bound of each."""
    in_points = [v for v in verdicts(results) if v.decisive.criterion.unit == "points" and v.n > 1]
    in_points.sort(key=lambda verdict: not verdict.claim.primary)
    shown = in_points[:MOST_ROWS]
    if not shown:
        raise NothingToDraw("No claim about a difference of accuracies has two pairs of trials.")
    names = {verdict: "\n".join(wrap(_name(results, verdict), _WIDE)) for verdict in shown}
    claims = dict.fromkeys(verdict.claim for verdict in shown)
    heads = {claim: "\n".join(wrap(f"{claim.id}  {claim.sentence}", _WIDEST)) for claim in claims}
    rows = sum(_ROW + _LINE * name.count("\n") for name in names.values())
    rows += sum(_HEAD + _LINE * head.count("\n") for head in heads.values())
    figure = Figure(figsize=(11.5, rows + 1.7), layout="constrained")
    axes = figure.subplots()
    _draw_rows(axes, names, heads)
    linear = _scale(axes, shown)
    axes.axvline(0, color="#333333", lw=0.9, zorder=0.5)
    axes.set_xlabel("difference of test accuracies (points)")
    axes.grid(visible=False, axis="y")
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, label=name)
        for name, style in CONCLUSIONS.items()
        if any(verdict.conclusion == name for verdict in shown)
    ]
    bound = Line2D([], [], color="#333333", marker="|", ms=11, mew=2, ls="none", label="bound")
    figure.legend(handles=[*handles, bound], loc="outside upper right", ncols=4)
    figure.suptitle(TITLE, x=0.01, ha="left")
    note = _note(shown, len(in_points), linear)
    figure.supxlabel(note, x=0.01, ha="left", size=8.5, color="#444444", wrap=True)
    caption = (
        "The paired difference that each claim is about, and the bound that decides. Faint: "
        "undecided because planned seeds are missing. Secondary forms of claims come last."
    )
    return Drawing(figure, TITLE, caption, note)


def _draw_rows(axes: Axes, names: dict[Verdict, str], heads: dict[Claim, str]) -> None:
    """Draw each claim's sentence with its verdicts below it; the vertical axis is in inches."""
    at, places = 0.0, {}
    for claim, head in heads.items():
        at += _HEAD + _LINE * head.count("\n")
        across = axes.get_yaxis_transform()
        axes.text(0.0, at - 0.06, head, transform=across, size=8.5, weight="bold", va="bottom")
        for verdict, name in names.items():
            if verdict.claim is claim:
                room = _ROW + _LINE * name.count("\n")
                places[verdict] = at + room / 2
                at += room
                _draw(axes, verdict, places[verdict])
    axes.set_yticks(list(places.values()), [names[verdict] for verdict in places])
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylim(at + 0.1, 0)


def _scale(axes: Axes, shown: list[Verdict]) -> float:
    """Set the horizontal axis; return how far it is linear, 0 if it is linear throughout.

    On a linear axis with differences of many points the bounds would look like zero.
    """
    low, high = _view(shown)
    axes.set_xlim(low, high)
    # Without a margin, bounds are nan.
    bounds = [abs(v.decisive.bound) * 100 for v in shown if not math.isnan(v.decisive.bound)]
    linear = _LINEAR * max(bounds, default=0.0)
    if not linear or max(-low, high) <= _FAR * linear:
        return 0.0
    axes.set_xscale("symlog", linthresh=linear, linscale=1.5)
    axes.set_xlim(1.3 * low, 1.3 * high)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return linear


def _note(shown: list[Verdict], total: int, linear: float) -> str:
    seeds = sorted({verdict.n for verdict in shown})
    counts = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    return sentences(
        f"Mean over n = {counts} pairs; bar: 90% interval, each end one-sided at 95%.",
        "Supported: the whole bar lies on the side of the bound that its arrow points to.",
        f"Linear up to {linear:g} point{'' if linear == 1 else 's'}, logarithmic beyond."
        if linear
        else "",
        "A sweep shows the comparison that comes closest to failing.",
        f"Only the first {len(shown)} of {total} verdicts are shown." if total > len(shown) else "",
    )


def _name(results: Results, verdict: Verdict) -> str:
    where = ", ".join(
        part
        for part in (formatting.where(results, verdict), formatting.place(verdict.decisive))
        if part
    )
    return f"{verdict.method}{', ' if where else ''}{where}"


def _draw(axes: Axes, verdict: Verdict, at: float) -> None:
    decisive, marked = verdict.decisive, CONCLUSIONS[verdict.conclusion]
    style: dict[str, Any] = {
        "color": marked.colour,
        "alpha": 1 if verdict.n >= verdict.planned else 0.4,
    }
    interval, bound = decisive.interval, decisive.bound * 100
    axes.plot([interval.low * 100, interval.high * 100], [at, at], lw=2.2, **style)
    axes.plot(interval.mean * 100, at, marked.marker, ms=7, mec="white", **style)
    axes.plot(bound, at, "|", color="#333333", ms=11, mew=2)
    claimed_side = CARETRIGHT if decisive.criterion.below is None else CARETLEFT
    axes.plot(bound, at, marker=claimed_side, color="#333333", ms=6)


def _view(shown: list[Verdict]) -> tuple[float, float]:
    """Return limits in points that hold all bounds and means, and most of every interval."""
    comparisons = [verdict.decisive for verdict in shown]
    inner = [c.interval.mean * 100 for c in comparisons]
    inner += [c.bound * 100 for c in comparisons if not math.isnan(c.bound)]
    ends = [e * 100 for c in comparisons for e in (c.interval.low, c.interval.high)]
    known = [value for value in (*inner, *ends) if not math.isnan(value)]
    span = max(max(inner), 0.0) - min(min(inner), 0.0)
    low, high = max(min(known), min(inner) - span), min(max(known), max(inner) + span)
    room = 0.04 * (high - low) or 0.1
    return min(low, 0) - room, max(high, 0) + room
