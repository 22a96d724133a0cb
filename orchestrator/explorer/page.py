"""The page of `untuned explore`: its layout, and what happens when the user chooses something.

Everything that the page needs comes from this machine: Dash serves its scripts itself, and a
content security policy has the browser refuse anything else.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import flask
from dash import (
    ALL,
    ClientsideFunction,
    Dash,
    Input,
    Output,
    State,
    ctx,
    dcc,
    html,
    no_update,
)
from dash_ag_grid import AgGrid

from analysis.cells import heading, ordered, shown
from orchestrator.explorer import data, figures
from orchestrator.explorer.data import Choice, Live
from studies.errors import UserError

T = TypeVar("T")

#: Seconds between two looks at the results, by what the user chooses.
INTERVALS = {"off": 0, "every 10 seconds": 10, "every minute": 60}
_FIRST_INTERVAL = 10
_ROWS = 15
#: The look of the table, in the colours of the page (assets/explorer.css).
_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--card)', foregroundColor: 'var(--ink)', "
    "borderColor: 'var(--line)', accentColor: 'var(--accent)', chromeBackgroundColor: "
    "'var(--card)', headerBackgroundColor: 'var(--card)', headerTextColor: 'var(--ink)', "
    "rowHoverColor: 'var(--hover)', selectedRowBackgroundColor: 'var(--hover)', "
    "browserColorScheme: 'inherit', fontFamily: 'inherit', spacing: 5})"
)
#: The browser loads nothing from elsewhere. Dash and Plotly use inline scripts and `Function`.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


def make(live: Live) -> Dash:
    """Return the page of some results, to be served on loopback."""
    app = Dash(
        "untuned",
        title=f"{', '.join(live.results.names)} · untuned",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        enable_mcp=False,
        suppress_callback_exceptions=True,
    )
    app.layout = lambda: _layout(live)
    _guard(app.server)
    _connect(app, live)
    return app


def _guard(server: flask.Flask) -> None:
    """Answer only requests to this machine's own name, and only with the page's own contents."""

    @server.before_request
    def refuse_other_names() -> None:
        # A page elsewhere could have its name lead here, and then read the answers.
        if flask.request.host.rpartition(":")[0] not in ("127.0.0.1", "localhost"):
            flask.abort(403)

    @server.after_request
    def add_policy(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _layout(live: Live) -> html.Main:
    """Return the page; it is made anew whenever it is loaded."""
    with live.lock:
        results = live.results
        names = data.fields(results)
        every = data.figures(results)
        groups = data.first_groups(results)
        filters = [_filter(live, name) for name in names]
        sentence = data.progress(results)
    figure = "test_accuracy" if "test_accuracy" in every else every[0]
    return html.Main(
        [
            html.Header(
                [
                    html.H1(", ".join(results.names)),
                    html.P(sentence, id="progress", role="status"),
                    html.Div(
                        [
                            html.Button("Read again", id="refresh"),
                            _labelled(
                                "Read the results",
                                dcc.Dropdown(
                                    list(INTERVALS),
                                    _named(_FIRST_INTERVAL),
                                    id="interval",
                                    clearable=False,
                                    searchable=False,
                                ),
                            ),
                        ],
                        className="reading",
                    ),
                ]
            ),
            html.Section(
                [
                    html.H2("What to show", id="choices"),
                    html.Div(
                        [
                            _labelled(
                                "Figure",
                                dcc.Dropdown(
                                    [{"label": data.title(n), "value": n} for n in every],
                                    figure,
                                    id="figure",
                                    clearable=False,
                                ),
                            ),
                            _labelled(
                                "Group by",
                                dcc.Dropdown(
                                    [{"label": heading(n), "value": n} for n in names],
                                    groups,
                                    id="groups",
                                    multi=True,
                                    placeholder="all trials together",
                                ),
                            ),
                        ],
                        className="controls",
                    ),
                    html.Details(
                        [
                            html.Summary("Filters"),
                            html.Div(filters, className="controls"),
                            _labelled(
                                "Conditions, such as density>=0.5; outcome=completed",
                                dcc.Input(id="where", type="text", value="", debounce=True),
                            ),
                        ],
                        open=True,
                        id="filters",
                    ),
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
            dcc.Interval(id="clock", interval=_FIRST_INTERVAL * 1000),
            dcc.Store(id="version", data=live.version),
            dcc.Store(id="scheme"),
            dcc.Store(id="chosen"),
        ],
        id="page",
    )


def _labelled(text: str, control: Any) -> html.Div:
    """Return a control with its label, which is its accessible name."""
    return html.Div([html.Label(text, htmlFor=control.id), control], className="control")


def _filter(live: Live, name: str) -> html.Div:
    control = dcc.Dropdown(
        _options(live, name),
        [],
        id={"type": "only", "field": name},
        multi=True,
        placeholder="any",
    )
    # A label cannot be for an id that is a dictionary.
    return html.Div([html.Span(heading(name), className="label"), control], className="control")


def _options(live: Live, name: str) -> list[dict[str, Any]]:
    return [
        {"label": shown(name, value), "value": value} for value in data.values(live.results, name)
    ]


def _named(seconds: int) -> str:
    return next(name for name, value in INTERVALS.items() if value == seconds)


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


def _connect(app: Dash, live: Live) -> None:
    """Connect the controls with what they change."""
    in_browser = functools.partial(ClientsideFunction, "explorer")  # assets/explorer.js
    app.clientside_callback(in_browser("scheme"), Output("scheme", "data"), Input("page", "id"))
    app.clientside_callback(in_browser("show"), Output("trial", "title"), Input("chosen", "data"))

    @app.callback(
        Output("clock", "interval"), Output("clock", "disabled"), Input("interval", "value")
    )
    def set_clock(name: str) -> tuple[int, bool]:
        seconds = INTERVALS[name]
        return (seconds or _FIRST_INTERVAL) * 1000, not seconds

    @app.callback(
        Output("version", "data"),
        Output("progress", "children"),
        Output({"type": "only", "field": ALL}, "options"),
        Input("clock", "n_intervals"),
        Input("refresh", "n_clicks"),
        State({"type": "only", "field": ALL}, "id"),
        State("version", "data"),
        prevent_initial_call=True,
    )
    def refresh(
        ticks: int | None, clicks: int | None, ids: list[dict[str, str]], seen: int
    ) -> tuple[Any, Any, list[Any]]:
        with live.lock:
            live.refresh()
            if live.version == seen:
                return no_update, no_update, [no_update] * len(ids)
            options = [_options(live, one["field"]) for one in ids]
            return live.version, data.progress(live.results), options

    inputs = (
        Input("figure", "value"),
        Input("groups", "value"),
        Input({"type": "only", "field": ALL}, "value"),
        Input("where", "value"),
        Input("version", "data"),
        Input("scheme", "data"),
        State({"type": "only", "field": ALL}, "id"),
    )

    @app.callback(
        Output("curves", "figure"),
        Output("curves-note", "children"),
        Output("curves-section", "hidden"),
        Output("legend", "children"),
        Output("finals", "figure"),
        Output("finals-note", "children"),
        Output("finals-section", "hidden"),
        Output("trials", "rowData"),
        Output("trials", "columnDefs"),
        Output("message", "children"),
        *inputs,
    )
    def show(
        figure: str,
        groups: list[str] | None,
        only: list[list[Any] | None],
        where: str | None,
        version: int,
        dark: bool | None,
        ids: list[dict[str, str]],
    ) -> tuple[Any, ...]:
        if dark is None:  # the browser has not said yet; it does at once
            return (no_update,) * 10
        fields = [one["field"] for one in ids]
        allowed = {name: its or [] for name, its in zip(fields, only, strict=True)}
        choice = Choice(figure, tuple(groups or ()), allowed, where or "")
        with live.lock:
            try:
                *drawn, rows, columns, count = _read(
                    live, lambda: _shown(live, choice, dark=bool(dark))
                )
            except UserError as error:
                return (*(no_update,) * 9, str(error))
        if set(ctx.triggered_prop_ids) == {"groups.value"}:  # the same trials in other groups
            rows = columns = no_update
        return (*drawn, rows, columns, count)

    @app.callback(
        Output("trial", "children"),
        Output("chosen", "data"),
        Input("trials", "selectedRows"),
        Input("finals", "clickData"),
        Input("scheme", "data"),
        State("chosen", "data"),
        prevent_initial_call=True,
    )
    def choose(
        rows: list[dict[str, Any]] | None,
        click: Mapping[str, Any] | None,
        dark: bool | None,
        before: str | None,
    ) -> tuple[Any, Any]:
        chosen = before
        if ctx.triggered_id == "trials" and rows:
            chosen = rows[0]["trial_id"]
        elif ctx.triggered_id == "finals" and click:
            chosen = click["points"][0].get("customdata") or before
        if not chosen:
            return no_update, no_update
        with live.lock:
            view = _read(live, lambda: data.trial_view(live.results, chosen))
        return _trial(chosen, view, dark=bool(dark)), chosen


def _read(live: Live, make: Callable[[], T]) -> T:
    """Return what a function reads; once more from the start if parts were merged meanwhile."""
    try:
        return make()
    except duckdb.Error:
        live.refresh()
        return make()


def _shown(live: Live, choice: Choice, *, dark: bool) -> tuple[Any, ...]:
    """Return the values of the outputs of `show`."""
    results = live.results
    methods = [str(name) for name in ordered(results, "method")]
    trials = data.chosen_trials(results, choice)
    curves, finals = data.curves(live, trials, choice), data.finals(results, trials, choice)
    drawn: list[Any] = [no_update, "", True, []]
    if curves:
        figure = figures.draw_curves(curves, choice, methods, dark=dark)
        entries = figures.legend(curves, choice, methods, dark=dark)
        drawn = [figure, " ".join(curves.notes), False, [_entry(*one) for one in entries]]
    if finals:
        figure = figures.draw_finals(finals, choice, methods, dark=dark)
        drawn += [figure, " ".join(finals.notes), False]
    else:
        drawn += [no_update, "", True]
    rows = data.table(results, trials, choice)
    names = [n for n in (rows[0] if rows else {}) if n != "study" or len(results.names) > 1]
    columns = [_definition(rows, name) for name in names] if rows else no_update
    count = f"{len(rows):,} of {len(results.trials):,} trials chosen."
    return (*drawn, rows, columns, count)


def _entry(name: str, colour: str, line: str) -> html.Li:
    """Return an entry of the legend."""
    return html.Li([html.Span(style={"borderTop": f"3px {line} {colour}"}), name])


def _definition(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Return the definition of a column of the table; numbers are aligned on the right."""
    known = (row[name] for row in rows if row[name] is not None)
    is_text = isinstance(next(known, ""), str | bool)
    return {"field": name, "headerName": _column(name)} | (
        {} if is_text else {"type": "rightAligned"}
    )


def _column(name: str) -> str:
    return "trial" if name == "trial_id" else data.title(name)


def _trial(trial_id: str, view: data.TrialView | None, *, dark: bool) -> list[Any]:
    """Return the section of a trial."""
    title = html.H2(f"Trial {trial_id}")
    if view is None:
        return [title, html.P("It is not among the results any more.")]
    masks: list[Any] = []
    if view.masks:
        graphs = [
            dcc.Graph(
                figure=figures.draw_mask(mask, dark=dark),
                config=dict(figures.config(f"{trial_id}-{mask.name}")),
                className="mask",
            )
            for mask in view.masks
        ]
        masks = [html.H3("Final masks"), html.Div(graphs, className="masks")]
    show = ["untuned", "show", view.study, trial_id]
    return [
        title,
        html.P(f"{view.row['outcome']}, of {view.study}. More: {' '.join(show)}"),
        html.H3("Train it again"),
        html.Div(
            [
                html.Pre(html.Code(view.command, id="command"), tabIndex=0),
                dcc.Clipboard(target_id="command", title="Copy the command", className="copy"),
            ],
            className="command",
        ),
        html.Div(
            [
                html.Div([html.H3("Fields"), _list(view.values)]),
                html.Div([html.H3("Row"), _list(view.row)]),
            ],
            className="columns",
        ),
        *masks,
    ]


def _list(values: Mapping[str, Any]) -> html.Dl:
    rows: Sequence[Any] = [
        html.Div([html.Dt(heading(name)), html.Dd(str(value))]) for name, value in values.items()
    ]
    return html.Dl(rows)
