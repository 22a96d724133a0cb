"""The figures of the page of `untuned explore`, as plain data that Plotly draws in the browser."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.drawing.style import DARK, GRID, INK, PAPER, SOFT, styles
from orchestrator.explorer.data import Choice, Group, Mask, Summary, title

_DASHES = ("solid", "dash", "dot", "dashdot")
#: A line's dash for each of `Style`'s.
_LINES = {"-": "solid", "--": "dash", ":": "dot"}
_BORDERS = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "double"}
#: Opacity of intervals around curves, and of single trials.
_BAND, _TRIAL = 0.16, 0.3
#: Pixels of a line of a row of final figures, between two rows, and around them.
_LINE, _BETWEEN, _AROUND = 15, 12, 110
#: Letters of a line of a row's name: as few as leave room for the figures on a phone.
_LETTERS = 18

PlotlyFigure = dict[str, Any]
Trace = dict[str, Any]


def draw_curves(
    summary: Summary, choice: Choice, methods: Sequence[str], *, dark: bool
) -> PlotlyFigure:
    """Return the curves of groups with their intervals.

    Args:
        summary: the groups.
        choice: what the user has chosen.
        methods: all methods of the study, for their colours.
        dark: whether the page is dark.
    """
    traces: list[Trace] = []
    looks = _looks(summary.groups, choice, methods, dark=dark)
    for number, (group, (colour, dash)) in enumerate(zip(summary.groups, looks, strict=True)):
        shared = {"legendgroup": str(number), "type": "scatter", "name": group.name}
        traces += [shared | trace for trace in (*_band(group, colour), _curve(group, colour, dash))]
    layout = _layout(dark=dark) | {
        "xaxis": _axis("epoch", dark=dark),
        "yaxis": _axis(title(choice.figure), dark=dark),
        "showlegend": False,
        "hovermode": "x",
        "height": 380,
    }
    return {"data": traces, "layout": layout}


def _band(group: Group, colour: str) -> list[Trace]:
    """The intervals around a curve; none where no epoch has one."""
    known = [
        (x, low, high)
        for x, low, high in zip(group.x, group.low, group.high, strict=True)
        if not math.isnan(low)
    ]
    if not known:
        return []
    there, lows, highs = zip(*known, strict=True)
    band = {
        "x": [*there, *reversed(there)],
        "y": [*highs, *reversed(lows)],
        "fill": "toself",
        "fillcolor": _faint(colour, _BAND),
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return [band]


def _curve(group: Group, colour: str, dash: str) -> Trace:
    """The means of a group by epoch."""
    return {
        "x": group.x,
        "y": _plain(group.mean),
        "customdata": group.n,
        "mode": "lines+markers" if len(group.x) == 1 else "lines",
        "line": {"color": colour, "dash": dash, "width": 2},
        "hovertemplate": "%{y:.4g} (n = %{customdata})<extra>%{fullData.name}</extra>",
    }


def draw_finals(
    summary: Summary, choice: Choice, methods: Sequence[str], *, dark: bool
) -> PlotlyFigure:
    """Return the final figures of groups, a row each: mean, interval and trials.

    The points of trials carry their ids, for clicks.
    """
    traces: list[Trace] = []
    looks = _looks(summary.groups, choice, methods, dark=dark)
    names = [_wrapped(group.name) for group in summary.groups]
    for group, row, (colour, _) in zip(summary.groups, names, looks, strict=True):
        shared = {"type": "scatter", "mode": "markers", "showlegend": False, "name": group.name}
        traces += [
            shared | trace
            for trace in (_points(group, row, colour), *_mean(group, row, colour, dark=dark))
        ]
    lines = max((1 + name.count("<br>") for name in names), default=1)
    rows = _axis("", dark=dark) | {
        "categoryorder": "array",
        "categoryarray": names[::-1],
        "automargin": True,
    }
    layout = _layout(dark=dark) | {
        "xaxis": _axis(title(choice.figure), dark=dark),
        "yaxis": rows,
        "height": _AROUND + len(names) * (_BETWEEN + _LINE * lines),
        "hovermode": "closest",
    }
    return {"data": traces, "layout": layout}


def _points(group: Group, row: str, colour: str) -> Trace:
    """The trials of a group in a row of this name, each with its id."""
    return {
        "x": [value for _, value in group.trials],
        "y": [row] * len(group.trials),
        "customdata": [trial for trial, _ in group.trials],
        "marker": {"color": colour, "opacity": _TRIAL, "size": 6},
        "hovertemplate": "%{x:.4g}<extra>trial %{customdata}</extra>",
    }


def _mean(group: Group, row: str, colour: str, *, dark: bool) -> list[Trace]:
    """The mean of a group with its interval, in a row of this name; none if there is no mean."""
    mean, low, high = group.mean[0], group.low[0], group.high[0]
    if math.isnan(mean):
        return []
    interval = f", 95% interval {low:.4g} to {high:.4g}" if not math.isnan(low) else ""
    edge = {"width": 1, "color": _shade(PAPER, dark=dark)}
    trace = {
        "x": [mean],
        "y": [row],
        "marker": {"color": colour, "size": 11, "symbol": "diamond", "line": edge},
        "error_x": {
            "type": "data",
            "array": [0 if math.isnan(high) else high - mean],
            "color": colour,
            "thickness": 2.5,
            "width": 5,
        },
        "hovertemplate": f"mean %{{x:.4g}}{interval}, n = {group.n[0]}"
        "<extra>%{fullData.name}</extra>",
    }
    return [trace]


def legend(
    summary: Summary, choice: Choice, methods: Sequence[str], *, dark: bool
) -> list[tuple[str, str, str]]:
    """Return each group's name, colour and kind of line (a border style of CSS)."""
    looks = _looks(summary.groups, choice, methods, dark=dark)
    return [
        (group.name, colour, _BORDERS[dash])
        for group, (colour, dash) in zip(summary.groups, looks, strict=True)
    ]


def draw_mask(mask: Mask, *, dark: bool) -> PlotlyFigure:
    """Return the fraction of connections that a layer keeps, block by block."""
    ink = _shade(INK, dark=dark)
    what = f"{mask.name}: {mask.kept * 100:.1f} % kept" + (", by pixel" if mask.pixels else "")
    hidden = {"visible": False, "constrain": "domain"}
    rows = hidden | {"autorange": "reversed"}
    layout = _layout(dark=dark) | {
        "title": {"text": what, "font": {"size": 13, "color": ink}},
        "xaxis": hidden,
        "yaxis": rows | ({"scaleanchor": "x"} if mask.pixels else {}),
        "height": 280,
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
    }
    trace = {
        "type": "heatmap",
        "z": mask.shares.round(3).tolist(),
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Cividis",
        "colorbar": {"thickness": 10, "tickformat": ".0%", "tickfont": {"color": ink}},
        "hovertemplate": "%{z:.0%} kept<extra></extra>",
    }
    return {"data": [trace], "layout": layout}


def _looks(
    groups: Sequence[Group], choice: Choice, methods: Sequence[str], *, dark: bool
) -> list[tuple[str, str]]:
    """Return a colour and a dash for each group: those of its method if methods make the groups."""
    if choice.groups == ("method",):
        known = styles(methods)
        its = [known[str(group.key[0])] for group in groups]
        return [(_shade(style.colour, dark=dark), _LINES[style.line]) for style in its]
    colours = list(dict.fromkeys(_shade(colour, dark=dark) for colour in _PALETTE))
    return [
        (colours[i % len(colours)], _DASHES[i // len(colours) % len(_DASHES)])
        for i in range(len(groups))
    ]


_PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#882255",
    "#999933",
    "#44aa99",
    "#333333",
)


def _wrapped(name: str) -> str:
    lines = textwrap.wrap(name, _LETTERS, break_long_words=False, break_on_hyphens=False)
    return "<br>".join(lines) or name


def _layout(*, dark: bool) -> dict[str, Any]:
    ink = _shade(INK, dark=dark)
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": ink, "family": "system-ui, sans-serif", "size": 13},
        "margin": {"l": 64, "r": 16, "t": 16, "b": 48},
        "hoverlabel": {
            "bgcolor": _shade(PAPER, dark=dark),
            "bordercolor": _shade(SOFT, dark=dark),
            "font": {"color": ink},
        },
    }


def _axis(text: str, *, dark: bool) -> dict[str, Any]:
    grid = _shade(GRID, dark=dark)
    return {
        "title": {"text": text},
        "gridcolor": grid,
        "zerolinecolor": grid,
        "linecolor": _shade(SOFT, dark=dark),
        "automargin": True,
    }


def _shade(colour: str, *, dark: bool) -> str:
    return DARK.get(colour, colour) if dark else colour


def _faint(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _plain(values: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def config(name: str) -> Mapping[str, Any]:
    """Return Plotly's settings of a figure: nothing that leads elsewhere."""
    return {
        "displaylogo": False,
        "responsive": True,
        "showTips": False,
        "showSendToCloud": False,
        "plotlyServerURL": "",
        "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": name, "format": "svg"},
    }
