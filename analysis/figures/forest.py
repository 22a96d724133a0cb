"""The verdicts on differences of accuracies: paired difference, interval and bound."""

import math
from dataclasses import dataclass
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.layout import WIDTHS, finish
from analysis.drawing.limits import Limits, Outside, outside, padded, view
from analysis.drawing.marks import Mark, draw_behind, draw_mark
from analysis.drawing.notes import sentences, unseen
from analysis.drawing.style import CONCLUSIONS, INK
from analysis.numbers import extent, many
from analysis.tables import Results
from analysis.verdicts import Verdict, formatting, verdicts

ORDER = 3
QUESTION = "verdicts"
TITLE = "The verdicts: paired differences and their bounds"
CAPTION = (
    "The paired difference that each claim is about, and the bound that decides: the whole bar "
    "must lie on the side that the bound's arrow points to. Secondary forms of claims come last."
)
#: Nobody reads more rows; a single study has fewer.
MOST_ROWS = 40
_ROW, _HEAD, _LINE = 0.24, 0.34, 0.14  # inches of a row, a claim's sentence, a further line
_WIDE, _WIDEST = 46, 110  # letters of a row's name and of a sentence
#: The view reaches this far from zero, in points and in times the largest bound.
_REACH, _BOUNDS = 1.0, 4.0
#: What is not a difference of accuracies.
_UNITS = {"percent": "connections", "share": "connections", "ratio": "a ratio"}


@dataclass(frozen=True)
class Row:
    """A verdict.

    Attributes:
        name: its method and cell.
        mark: the difference in points with its interval; its style is that of the conclusion.
        bound: what the difference must lie above or below, in points; nan without a margin.
        is_upper: whether the difference must lie below the bound.
        is_incomplete: whether planned seeds are missing.
    """

    name: str
    mark: Mark
    bound: float
    is_upper: bool
    is_incomplete: bool


@dataclass(frozen=True)
class Forest:
    """What the figure shows.

    Attributes:
        claims: each claim's sentence with its verdicts.
        view: limits of the horizontal axis, in points.
        note: the sentences below the panel.
    """

    claims: tuple[tuple[str, tuple[Row, ...]], ...]
    view: Limits
    note: str


def summarise(results: Results) -> Forest:
    """Return a row per verdict in points, grouped by claim, with the bound of each."""
    every = sorted(verdicts(results), key=lambda verdict: not verdict.claim.primary)
    fitting = [v for v in every if v.decisive.criterion.unit == "points" and v.n > 1]
    shown = fitting[:MOST_ROWS]
    if not shown:
        raise NothingToDraw("No claim about a difference of accuracies has two pairs of trials.")
    rows = {verdict: _row(results, verdict) for verdict in shown}
    claims = tuple(
        (
            f"{claim.id}  {claim.sentence}",
            tuple(row for verdict, row in rows.items() if verdict.claim is claim),
        )
        for claim in dict.fromkeys(verdict.claim for verdict in shown)
    )
    limits = _view(list(rows.values()))
    return Forest(claims, limits, _note(every, shown, outside(_marks(claims), limits)))


def _marks(claims: tuple[tuple[str, tuple[Row, ...]], ...]) -> list[Mark]:
    return [row.mark for _, rows in claims for row in rows]


def _row(results: Results, verdict: Verdict) -> Row:
    decisive = verdict.decisive
    interval = decisive.interval
    ends = (interval.mean * 100, interval.low * 100, interval.high * 100)
    place = formatting.where(results, verdict), formatting.place(decisive)
    return Row(
        ", ".join(filter(None, [verdict.method, *place])),
        Mark(verdict.conclusion, *ends, interval.n),
        decisive.bound * 100,
        is_upper=decisive.criterion.below is not None,
        is_incomplete=verdict.n < verdict.planned,
    )


def _view(rows: list[Row]) -> Limits:
    """Return limits that show how the intervals lie to their bounds.

    Differences of many points would leave no room for this; they are arrows with a number.
    """
    bounds = [row.bound for row in rows if not math.isnan(row.bound)]
    if not bounds:
        return view([row.mark for row in rows], include=(0.0,))
    reach = max(_REACH, _BOUNDS * max(map(abs, bounds)))
    near = [row.mark for row in rows if abs(row.mark.mean) <= reach]
    ends = [end for mark in near for end in (mark.low, mark.mean, mark.high)]
    known = [end for end in ends if not math.isnan(end)]
    core = [0.0, *bounds]
    low = min(*core, max(min(known, default=0.0), -reach))
    high = max(*core, min(max(known, default=0.0), reach))
    return padded(low, high)


def _note(every: list[Verdict], shown: list[Verdict], cut: Outside) -> str:
    """Return the sentences below the panel, with the verdicts that it leaves out."""
    pairs = extent((verdict.n for verdict in shown), "pair")
    return sentences(
        f"Mean over n = {pairs}; bar: 90% interval, each end one-sided at 95%.",
        "A sweep shows the comparison that comes closest to failing.",
        "Outlined: planned seeds are missing." if any(v.n < v.planned for v in shown) else "",
        unseen([cut]),
        _not_shown(every, shown),
    )


def _not_shown(every: list[Verdict], shown: list[Verdict]) -> str:
    """Return the sentence that names the claims of which verdicts are left out, and why."""
    reasons: dict[str, list[str]] = {}
    for verdict in every:
        if verdict not in shown:
            unit = verdict.decisive.criterion.unit
            why = _UNITS.get(unit) or ("one seed" if verdict.n < 2 else f"beyond {MOST_ROWS} rows")
            reasons.setdefault(why, []).append(verdict.claim.id)
    phrases = [f"{', '.join(dict.fromkeys(ids))} ({why})" for why, ids in reasons.items()]
    count = many(len(every) - len(shown), "verdict")
    return f"Not shown: {count} on {'; '.join(phrases)}." if phrases else ""


def draw(summary: Forest) -> Drawing:
    """Draw the verdicts as rows."""
    names = [["\n".join(wrap(row.name, _WIDE)) for row in rows] for _, rows in summary.claims]
    heads = ["\n".join(wrap(head, _WIDEST)) for head, _ in summary.claims]
    lines = sum(name.count("\n") for of_claim in names for name in of_claim)
    lines += sum(head.count("\n") for head in heads)
    tall = _LINE * lines + _HEAD * len(heads) + _ROW * sum(map(len, names))
    figure = Figure(figsize=(WIDTHS[3], tall + 0.7), layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(summary.view)
    at, ticks = 0.0, {}
    for head, of_claim, (_, rows) in zip(heads, names, summary.claims, strict=True):
        at += _HEAD + _LINE * head.count("\n")
        place = axes.get_yaxis_transform()
        axes.text(0.0, at - 0.06, head, transform=place, size=8.5, weight="bold", va="bottom")
        for name, row in zip(of_claim, rows, strict=True):
            room = _ROW + _LINE * name.count("\n")
            ticks[at + room / 2] = name
            at += room
            _draw_row(axes, row, at - room / 2)
    axes.set_ylim(at + 0.1, 0)
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("difference of test accuracies (points)")
    axes.grid(visible=False, axis="y")
    draw_behind(axes, ((0.0, "zero"),))
    bound = Line2D([], [], color=INK, marker="|", ms=11, mew=2, ls="none", label="bound")
    given = {row.mark.method for _, rows in summary.claims for row in rows}
    styles = {name: style for name, style in CONCLUSIONS.items() if name in given}
    return finish(figure, TITLE, CAPTION, summary.note, styles, [bound])


def _draw_row(axes: Axes, row: Row, at: float) -> None:
    style = CONCLUSIONS[row.mark.method]
    draw_mark(axes, row.mark, at, style, is_open=row.is_incomplete)
    if not math.isnan(row.bound):
        claimed_side = CARETLEFT if row.is_upper else CARETRIGHT
        axes.plot(row.bound, at, "|", color=INK, ms=11, mew=2, zorder=2.4)
        axes.plot(row.bound, at, marker=claimed_side, color=INK, ms=6, zorder=2.4)
