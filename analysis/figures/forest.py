"""Every verdict on a difference of accuracies: the paired difference, its interval, the bound."""

import math
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.ticker import FuncFormatter

from analysis.drawing import Drawing, NothingToDraw, sentences
from analysis.drawing.style import CONCLUSIONS
from analysis.tables import Results
from analysis.verdicts import Verdict, telling, verdicts
from analysis.verdicts.claim import Claim
from analysis.verdicts.judging import IMAGES_DECIDE

ORDER = 3
TITLE = "The verdicts: paired differences and their bounds"
#: More rows than these are not read; a study of its own has fewer.
MOST_ROWS = 40
_ROW, _HEAD, _LINE = 0.24, 0.34, 0.14  # inches: of a row, of a claim's sentence, of one more line
_WIDE, _WIDEST = 46, 110  # letters of a row's name and of a sentence
#: Where the axis reaches further than `_FAR` times that, it is linear up to so many times the
#: largest bound.
_LINEAR, _FAR = 2, 8


def draw(results: Results) -> Drawing:
    """Draw a row per verdict in points, grouped by claim, with the bound of each."""
    every = [v for v in verdicts(results) if v.decisive.criterion.unit == "points" and v.n > 1]
    every.sort(key=lambda verdict: not verdict.claim.primary)
    shown = every[:MOST_ROWS]
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
        Line2D([], [], color=look.colour, marker=look.marker, label=name)
        for name, look in CONCLUSIONS.items()
    ]
    bound = Line2D([], [], color="#333333", marker="|", ms=11, mew=2, ls="none", label="bound")
    figure.legend(handles=[*handles, bound], loc="outside upper right", ncols=4)
    figure.suptitle(TITLE, x=0.01, ha="left")
    note = _note(shown, len(every), linear)
    figure.supxlabel(note, x=0.01, ha="left", size=8.5, color="#444444", wrap=True)
    caption = (
        "What each claim compares, seed by seed, and the bound that decides. Faint rows are "
        "undecided for want of seeds that were planned. Secondary forms of claims stand last."
    )
    return Drawing(figure, TITLE, caption, note)


def _draw_rows(axes: Axes, names: dict[Verdict, str], heads: dict[Claim, str]) -> None:
    """Draw each claim's sentence and below it its verdicts, from top to bottom, in inches."""
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
    """Set the horizontal axis; returns how far it is linear, 0 where it is throughout.

    Beside differences of many points the bounds would not be told apart from zero.
    """
    low, high = _view(shown)
    axes.set_xlim(low, high)
    # A study without a margin has no bounds.
    bounds = [abs(v.decisive.bound) * 100 for v in shown if not math.isnan(v.decisive.bound)]
    linear = _LINEAR * max(bounds, default=0.0)
    if not linear or max(-low, high) <= _FAR * linear:
        return 0.0
    axes.set_xscale("symlog", linthresh=linear, linscale=1.5)
    axes.set_xlim(1.3 * low, 1.3 * high)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return linear


def _note(shown: list[Verdict], every: int, linear: float) -> str:
    seeds = sorted({verdict.n for verdict in shown})
    counts = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    on_mnist = any(verdict.cell["dataset"] in IMAGES_DECIDE for verdict in shown)
    left = every - len(shown)
    return sentences(
        f"Mean over n = {counts} pairs of seeds; bar: 90% t interval, each end one-sided at 95%.",
        "Supported where the whole bar lies on the side of the bound that its arrow points to.",
        "On MNIST the bootstrap over seeds and images has to agree." if on_mnist else "",
        f"Linear up to {linear:g} points, logarithmic beyond." if linear else "",
        "Of a sweep the comparison that comes closest to failing.",
        f"The first {len(shown)} of {every} verdicts; {left} are left out." if left else "",
    )


def _name(results: Results, verdict: Verdict) -> str:
    where = ", ".join(
        part for part in (telling.where(results, verdict), telling.place(verdict.decisive)) if part
    )
    return f"{verdict.cell['method']}{', ' if where else ''}{where}"


def _draw(axes: Axes, verdict: Verdict, at: float) -> None:
    one, look = verdict.decisive, CONCLUSIONS[verdict.conclusion]
    faint = 1.0 if verdict.n >= verdict.planned else 0.4
    found = one.interval
    axes.plot([found.low * 100, found.high * 100], [at, at], color=look.colour, lw=2.2, alpha=faint)
    axes.plot(found.mean * 100, at, look.marker, color=look.colour, ms=7, mec="white", alpha=faint)
    axes.plot(one.bound * 100, at, "|", color="#333333", ms=11, mew=2)
    side = CARETRIGHT if one.criterion.below is None else CARETLEFT  # where it is claimed to lie
    axes.plot(one.bound * 100, at, marker=side, color="#333333", ms=6)


def _view(shown: list[Verdict]) -> tuple[float, float]:
    """Limits in points that hold all bounds and means, and most of every interval."""
    ones = [v.decisive for v in shown]
    inner = [one.interval.mean * 100 for one in ones]
    inner += [one.bound * 100 for one in ones if not math.isnan(one.bound)]
    ends = [e * 100 for one in ones for e in (one.interval.low, one.interval.high)]
    known = [value for value in (*inner, *ends) if value == value]
    span = max(max(inner), 0.0) - min(min(inner), 0.0)
    low, high = max(min(known), min(inner) - span), min(max(known), max(inner) + span)
    room = 0.04 * (high - low) or 0.1
    return min(low, 0) - room, max(high, 0) + room
