"""Every verdict on a difference of accuracies: the paired difference, its interval, the bound."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT

from analysis.drawing import Drawing, NothingToDraw, sentences
from analysis.drawing.style import CONCLUSIONS
from analysis.tables import Results
from analysis.verdicts import Verdict, telling, verdicts
from analysis.verdicts.judging import IMAGES_DECIDE

ORDER = 3
TITLE = "The verdicts: paired differences and their bounds"
#: More rows than these are not read; a study of its own has fewer.
MOST_ROWS = 60
_ROW, _HEAD = 0.24, 0.34  # inches


def draw(results: Results) -> Drawing:
    """Draw a row per verdict in points, grouped by claim, with the bound of each."""
    every = [v for v in verdicts(results) if v.decisive.criterion.unit == "points" and v.n > 1]
    shown = every[:MOST_ROWS]
    if not shown:
        raise NothingToDraw("No claim about a difference of accuracies has two pairs of trials.")
    claims = list(dict.fromkeys(v.claim for v in shown))
    height = _ROW * len(shown) + _HEAD * len(claims)
    figure = Figure(figsize=(11.5, height + 1.7), layout="constrained")
    axes = figure.subplots()
    at, names, places = 0.0, [], []
    for claim in claims:
        at += _HEAD
        head = f"{claim.id}  {claim.sentence}"
        axes.text(
            0.0, at - 0.12, head, transform=axes.get_yaxis_transform(), size=8.5, weight="bold"
        )
        for verdict in (v for v in shown if v.claim is claim):
            at += _ROW
            _draw(axes, verdict, at - _ROW / 2)
            names.append(_name(results, verdict))
            places.append(at - _ROW / 2)
    axes.set_yticks(places, names)
    axes.set_ylim(at + 0.1, 0)
    axes.axvline(0, color="#333333", lw=0.9, zorder=0.5)
    axes.set_xlim(*_view(shown))
    axes.set_xlabel("difference of test accuracies (points)")
    axes.grid(visible=False, axis="y")
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, label=name)
        for name, look in CONCLUSIONS.items()
    ]
    bound = Line2D([], [], color="#333333", marker="|", ms=11, mew=2, ls="none", label="bound")
    figure.legend(handles=[*handles, bound], loc="outside upper right", ncols=4)
    figure.suptitle(TITLE, x=0.01, ha="left")
    seeds = sorted({v.n for v in shown})
    counts = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    left = len(every) - len(shown)
    note = sentences(
        f"Mean over n = {counts} pairs of seeds; bar: 90% t interval, each end one-sided at 95%.",
        "Supported where the whole bar lies on the side of the bound that its arrow points to.",
        "On MNIST the bootstrap over seeds and images has to agree."
        if any(v.cell["dataset"] in IMAGES_DECIDE for v in shown)
        else "",
        "Of a sweep the comparison that comes closest to failing.",
        f"The first {len(shown)} of {len(every)} verdicts; {left} are left out." if left else "",
    )
    figure.supxlabel(note, x=0.01, ha="left", size=8.5, color="#444444", wrap=True)
    caption = (
        "What each claim compares, seed by seed, and the bound that decides. Faint rows are "
        "undecided for want of seeds that were planned. Rows are in the verdicts' order."
    )
    return Drawing(figure, TITLE, caption, note)


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
    inner = [one.interval.mean * 100 for one in ones] + [one.bound * 100 for one in ones]
    ends = [e * 100 for one in ones for e in (one.interval.low, one.interval.high)]
    known = [value for value in (*inner, *ends) if value == value]
    span = max(max(inner), 0.0) - min(min(inner), 0.0)
    low, high = max(min(known), min(inner) - span), min(max(known), max(inner) + span)
    room = 0.04 * (high - low) or 0.1
    return min(low, 0) - room, max(high, 0) + room
