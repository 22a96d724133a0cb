"""The layout of `untuned explore`'s page: sections, choices and a table, without contents yet."""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash_ag_grid import AgGrid

from analysis.cells import heading, shown
from orchestrator.explorer import data, figures
from orchestrator.explorer.data import Live

#: Seconds between two looks at the results, by what the user chooses.
INTERVALS = {"off": 0, "every 10 seconds": 10, "every minute": 60}
FIRST_INTERVAL = 10
#: Rows of the table at first.
_ROWS = 15
#: The look of the table, in the colours of the page (assets/explorer.css).
_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--card)', foregroundColor: 'var(--ink)', "
    "borderColor: 'var(--line)', accentColor: 'var(--accent)', chromeBackgroundColor: "
    "'var(--card)', headerBackgroundColor: 'var(--card)', headerTextColor: 'var(--ink)', "
    "rowHoverColor: 'var(--hover)', selectedRowBackgroundColor: 'var(--hover)', "
    "browserColorScheme: 'inherit', fontFamily: 'inherit', spacing: 5})"
)


def page(live: Live) -> html.Main:
    """Return the page; it is made anew whenever it is loaded."""
    with live.lock:
        names, every = data.fields(live.results), data.figures(live.results)
        groups = data.first_groups(live.results)
        filters = [_filter(live, name) for name in names]
        head = _head(live)
    return html.Main(
        [
            head,
            html.Section(
                [
                    html.H2("What to show", id="choices"),
                    html.Div([_figure(every), _groups(names, groups)], className="controls"),
                    _filters(filters),
                    html.P(id="message", role="status", className="message"),
                ],
                **{"aria-labelledby": "choices"},
            ),
            _section("curves", "During training", _plot("curves"), html.Ul(id="legend")),
            _section("finals", "At the end", _plot("finals")),
            html.Section(
                [
                    html.H2("Trials", id="trials-heading"),
                    html.P("Choose a row, or a point above, to see the trial.", className="note"),
                    _table(),
                ],
                **{"aria-labelledby": "trials-heading"},
            ),
            html.Section(id="trial", **{"aria-label": "The chosen trial", "aria-live": "polite"}),
            dcc.Interval(id="clock", interval=FIRST_INTERVAL * 1000),
            dcc.Store(id="version", data=live.version),
            dcc.Store(id="scheme"),
            dcc.Store(id="chosen"),
        ],
        id="page",
    )


def _head(live: Live) -> html.Header:
    """Return the studies' names, how far they are, and when the results are read again."""
    first = next(name for name, seconds in INTERVALS.items() if seconds == FIRST_INTERVAL)
    interval = dcc.Dropdown(
        list(INTERVALS), first, id="interval", clearable=False, searchable=False
    )
    return html.Header(
        [
            html.H1(", ".join(live.results.names)),
            html.P(data.progress(live.results), id="progress", role="status"),
            html.Div(
                [html.Button("Read again", id="refresh"), _labelled("Read the results", interval)],
                className="reading",
            ),
        ]
    )


def _figure(every: Sequence[str]) -> html.Div:
    """Return the choice of the figure that is drawn."""
    options = [{"label": data.title(name), "value": name} for name in every]
    first = "test_accuracy" if "test_accuracy" in every else every[0]
    return _labelled("Figure", dcc.Dropdown(options, first, id="figure", clearable=False))


def _groups(names: Sequence[str], first: Sequence[str]) -> html.Div:
    """Return the choice of the fields that trials are grouped by."""
    options = [{"label": heading(name), "value": name} for name in names]
    choice = dcc.Dropdown(
        options, first, id="groups", multi=True, placeholder="all trials together"
    )
    return _labelled("Group by", choice)


def _filters(filters: Sequence[html.Div]) -> html.Details:
    """Return the choices of values, one for each field, and the field for conditions."""
    where = dcc.Input(id="where", type="text", value="", debounce=True)
    return html.Details(
        [
            html.Summary("Filters"),
            html.Div(filters, className="controls"),
            _labelled("Conditions, such as density>=0.5; outcome=completed", where),
        ],
        open=True,
        id="filters",
    )


def _labelled(text: str, control: Any) -> html.Div:
    """Return a control with its label, which is its accessible name."""
    return html.Div([html.Label(text, htmlFor=control.id), control], className="control")


def _filter(live: Live, name: str) -> html.Div:
    control = dcc.Dropdown(
        options(live, name),
        [],
        id={"type": "only", "field": name},
        multi=True,
        placeholder="any",
    )
    # A label cannot be for an id that is a dictionary.
    return html.Div([html.Span(heading(name), className="label"), control], className="control")


def options(live: Live, name: str) -> list[dict[str, Any]]:
    """Return the values of a field for the choice among them."""
    return [
        {"label": shown(name, value), "value": value} for value in data.values(live.results, name)
    ]


def _section(name: str, text: str, *content: Any) -> html.Section:
    heading_id = f"{name}-heading"
    return html.Section(
        [html.H2(text, id=heading_id), *content, html.P(id=f"{name}-note", className="note")],
        id=f"{name}-section",
        **{"aria-labelledby": heading_id},
    )


def _plot(name: str) -> dcc.Graph:
    return dcc.Graph(id=name, config=dict(figures.config(name)), className="plot")


def _table() -> AgGrid:
    return AgGrid(
        id="trials",
        getRowId="params.data.trial_id",
        columnSize="autoSize",
        defaultColDef={"resizable": True, "sortable": True},
        dashGridOptions={
            "theme": {"function": _THEME},
            "domLayout": "autoHeight",
            "pagination": True,
            "paginationPageSize": _ROWS,
            "paginationPageSizeSelector": [_ROWS, 50, 200],
            "rowSelection": {
                "mode": "singleRow",
                "checkboxes": False,
                "enableClickSelection": True,
            },
            "animateRows": False,
        },
        style={"height": None},
    )
