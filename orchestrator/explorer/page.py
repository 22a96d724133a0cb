"""The page of `untuned explore`: what happens when the user chooses something.

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

from analysis.cells import heading, ordered
from orchestrator.explorer import data, figures, layout
from orchestrator.explorer.data import Choice, Live
from studies.errors import UserError

T = TypeVar("T")

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
    app.layout = lambda: layout.page(live)
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


def _connect(app: Dash, live: Live) -> None:
    """Connect the controls with what they change."""
    in_browser = functools.partial(ClientsideFunction, "explorer")  # assets/explorer.js
    app.clientside_callback(in_browser("scheme"), Output("scheme", "data"), Input("page", "id"))
    app.clientside_callback(in_browser("show"), Output("trial", "title"), Input("chosen", "data"))
    _connect_reading(app, live)
    _connect_choices(app, live)
    _connect_trial(app, live)


def _connect_reading(app: Dash, live: Live) -> None:
    """Read the results again as often as the user wants."""

    @app.callback(
        Output("clock", "interval"), Output("clock", "disabled"), Input("interval", "value")
    )
    def set_clock(name: str) -> tuple[int, bool]:
        seconds = layout.INTERVALS[name]
        return (seconds or layout.FIRST_INTERVAL) * 1000, not seconds

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
            options = [layout.options(live, one["field"]) for one in ids]
            return live.version, data.progress(live.results), options


def _connect_choices(app: Dash, live: Live) -> None:
    """Show the trials that the user chooses, as figures and in the table."""

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
        Input("figure", "value"),
        Input("groups", "value"),
        Input({"type": "only", "field": ALL}, "value"),
        Input("where", "value"),
        Input("version", "data"),
        Input("scheme", "data"),
        State({"type": "only", "field": ALL}, "id"),
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


def _connect_trial(app: Dash, live: Live) -> None:
    """Show the trial that the user chooses."""

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
