"""`untuned results`."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _lookup, _options
from orchestrator.formatting import finite_or_none, many, short_commit
from studies.errors import UserError
from studies.trial import SETTABLE, Trial

if TYPE_CHECKING:
    import pandas as pd

    from analysis import Results

#: The figures in a table of cells, after the fields that differ.
_FIGURES = ("test_accuracy", "changed", "seconds")
#: Columns of `trials` that are only for programs that read Parquet.
_HIDDEN = ("test_correct", "trial", "layers_parts", "epochs_parts", "masks_parts")
#: The commands of at most this many trials are printed below a table.
_MOST_COMMANDS = 20
#: Figures whose names end so are fractions, shown in percent.
_PERCENT = ("accuracy", "changed")


@click.command(name="results")
@_options.study_argument
@_options.results_option
@_options.where_option(
    "Show only trials that meet this condition, such as method=free-pruning or 'density>=0.5'"
)
@click.option(
    "--columns",
    callback=_options.names,
    metavar="NAME,...",
    help="Results to show in place of the usual ones, and fields to add; with --trials, exactly "
    "these columns.",
)
@click.option(
    "--trials",
    is_flag=True,
    help="Show a row per trial instead of one per cell, with the command that trains it again.",
)
@click.option(
    "--provenance",
    is_flag=True,
    help="Show how the trials were trained, including those on tuning seeds: a row per commit, "
    "engine, device and versions.",
)
@click.option("--csv", "form", flag_value="csv", help="Print CSV, with fractions and all digits.")
@click.option("--json", "form", flag_value="json", help="Print JSON, a list of rows.")
@click.option("--markdown", "form", flag_value="markdown", help="Print a Markdown table.")
def command(
    study: str,
    results: str,
    where: tuple[str, ...],
    columns: list[str],
    trials: bool,
    provenance: bool,
    form: str | None,
) -> None:
    """Show the finished trials of STUDY as a table.

    Each row is a cell: the number of its seeds (n), and means and standard deviations over them.
    Accuracies and changed connections are in percent, times in seconds; --csv and --json give
    fractions.
    """
    if provenance and (trials or columns):
        raise UserError("results --provenance: leave out --trials and --columns")

    from orchestrator.cli._filters import Condition

    conditions = [Condition.of(text) for text in where]
    loaded = _lookup.from_results([study], results, lambda study_results: study_results)
    rows = _with_tuning(loaded) if provenance else loaded.trials
    for condition in conditions:
        rows = rows[condition.holds(rows)]
    # In a terminal the commands do not fit beside the rows; they are printed below them.
    with_commands = trials and (bool(form) or "command" in columns)
    commands = _commands(loaded, rows) if with_commands else None
    rows = rows.drop(columns=[*_HIDDEN, "study"], errors="ignore")
    if commands is not None:
        rows = rows.assign(command=commands)
    if provenance:
        table = _of_provenance(rows)
    else:
        table = _of_trials(loaded, rows, columns) if trials else _of_cells(loaded, rows, columns)
    if form == "csv":
        print(table.to_csv(index=False), end="")
    elif form == "json":
        print(json.dumps(_plain(table), indent=2, allow_nan=False))
    else:
        _show(table, markdown=form == "markdown")
    if trials and not form and not columns:
        _print_commands(loaded, table["trial_id"].tolist())
    if not provenance:
        _print_what_is_left_out(loaded, rows)


def _with_tuning(loaded: "Results") -> "pd.DataFrame":
    """Return all finished trials, those on tuning seeds too."""
    import pandas as pd

    return pd.concat([loaded.trials, loaded.tuning]) if len(loaded.tuning) else loaded.trials


def _commands(loaded: "Results", rows: "pd.DataFrame") -> list[str]:
    """Return for each row of `trials` the command that trains it again."""
    from orchestrator.cli.show import train_command

    sources = {name: source for study in loaded.studies for name, source in study.data.items()}
    return [
        train_command(Trial.from_mapping(json.loads(trial)), sources, engine)
        for trial, engine in zip(rows["trial"].tolist(), rows["engine"].tolist(), strict=True)
    ]


def _print_commands(loaded: "Results", ids: Sequence[str]) -> None:
    """Print the commands that train some trials again, or how to get them if there are many."""
    if len(ids) > _MOST_COMMANDS:
        print("untuned show prints the command that trains a trial again; --csv has all of them")
        return
    rows = loaded.trials.set_index("trial_id").loc[list(ids)]
    if ids:
        print("train them again with:")
    for trial_id, command in zip(ids, _commands(loaded, rows), strict=True):
        print(f"  {trial_id}  {command}")


def _of_provenance(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Return a row per way in which trials were trained, with their number and core hours."""
    import pandas as pd

    by = ["commit", "engine", "device", "threads", "versions"]
    groups = rows.assign(core_hours=rows["seconds"] * rows["threads"] / 3600).groupby(
        by, sort=False, dropna=False
    )
    table = pd.DataFrame(
        {
            "trials": groups.size(),
            "core_hours": groups["core_hours"].sum(),
            "machines": groups["host"].nunique(),
            "first": groups["finished_at"].min().dt.strftime("%Y-%m-%d"),
            "last": groups["finished_at"].max().dt.strftime("%Y-%m-%d"),
        }
    )
    return table.reset_index()[[*table.columns, *by]]


def _print_what_is_left_out(loaded: "Results", rows: "pd.DataFrame") -> None:
    if len(rows) < len(loaded.trials):
        print(f"showing {len(rows)} of {len(loaded.trials)} finished trials", file=sys.stderr)
    if not len(loaded.trials) + len(loaded.tuning):
        print("no trial is finished; untuned status shows what is missing", file=sys.stderr)
    if len(loaded.tuning):
        count = many(len(loaded.tuning), "trial")
        print(f"not showing {count} on tuning seeds", file=sys.stderr)


def _of_trials(loaded: "Results", rows: "pd.DataFrame", chosen: Sequence[str]) -> "pd.DataFrame":
    """Return a table with a row per trial, of the chosen columns if there are any."""
    from analysis import cells
    from orchestrator.cli._filters import one_of

    by = _varying(loaded, rows)
    names = [one_of(name, rows) for name in chosen]
    outcome = ["outcome"] if (rows["outcome"] != "completed").any() else []
    command = ["command"] if "command" in rows else []
    names = names or ["trial_id", *by, "seed", *_FIGURES, *outcome, *command]
    return cells.sort(loaded, rows, [*by, "seed"])[list(dict.fromkeys(names))]


def _of_cells(loaded: "Results", rows: "pd.DataFrame", chosen: Sequence[str]) -> "pd.DataFrame":
    """Return a table with a row per cell: fields, seeds, means and standard deviations.

    Raises:
        UserError: a chosen column has no mean.
    """
    from pandas.api.types import is_numeric_dtype

    from analysis import cells
    from orchestrator.cli._filters import one_of

    by = _varying(loaded, rows)
    names = list(dict.fromkeys(one_of(name, rows) for name in chosen))
    figures = [name for name in names if name not in SETTABLE] or list(_FIGURES)
    for name in figures:
        if not is_numeric_dtype(rows[name]) and len(rows):
            raise UserError(f"--columns {name}: it has no mean over seeds; add --trials")
    if "seed" in names:
        raise UserError("--columns seed: a row is a mean over seeds; add --trials")
    groups = rows.groupby(by, sort=False)
    table = groups.agg(n=("seed", "size"))
    for name in figures:
        table[f"{name}_mean"], table[f"{name}_sd"] = groups[name].mean(), groups[name].std()
    others = [name for name in names if name in SETTABLE and name not in by]
    for name in others:
        table[name] = groups[name].first()  # equal in all cells
    kept = [*by, *others, "n", *(f"{name}_{what}" for name in figures for what in ("mean", "sd"))]
    return cells.sort(loaded, table.reset_index(), by)[kept]


def _varying(loaded: "Results", rows: "pd.DataFrame") -> list[str]:
    """Return the fields in which the cells of these rows differ, the method first."""
    from analysis import cells

    *others, method = cells.varying(loaded)
    return [method, *(name for name in others if rows[name].nunique() > 1)]


def _plain(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the rows as values that JSON can hold."""
    return [
        {str(name): _json_value(value) for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _json_value(value: Any) -> Any:
    """Return a table's value as JSON has it: times as text, null for NaN and infinity."""
    return value.isoformat() if hasattr(value, "isoformat") else finite_or_none(value)


def _show(table: "pd.DataFrame", *, markdown: bool) -> None:
    """Print the table for people, with the mean and deviation of a figure in one column.

    If the table is too wide, only the first figure keeps its deviations, or none does.
    """
    from rich.console import Console

    from orchestrator import text_tables

    count = sum(str(name).endswith("_sd") for name in table.columns)
    if markdown:
        headings, rows, right = _laid_out(table, count)
        print(f"| {' | '.join(map(', '.join, headings))} |")
        print(f"|{'|'.join('--:' if numbers else '---' for numbers in right)}|")
        for row in rows:
            print(f"| {' | '.join(row)} |")
        return
    width = Console().width
    fitting = (
        deviations
        for deviations in sorted({count, min(count, 1), 0}, reverse=True)
        if text_tables.fits(*_narrow(table, deviations), width)
    )
    shown = next(fitting, count)  # where no table fits, each value has a line of its own
    text_tables.show(*_narrow(table, shown))
    if shown < count:
        print(
            "some standard deviations do not fit and are left out; --csv has them", file=sys.stderr
        )


def _narrow(
    table: "pd.DataFrame", deviations: int
) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    """Return headings with a line per word, rows, and the headings of numbers; see `_laid_out`."""
    names, rows, right = _laid_out(table, deviations)
    headings = ["\n".join(" ".join(name).split()) for name in names]
    return headings, rows, [h for h, numbers in zip(headings, right, strict=True) if numbers]


def _laid_out(
    table: "pd.DataFrame", deviations: int
) -> tuple[list[list[str]], list[tuple[str, ...]], list[bool]]:
    """Return a table's headings and rows, and for each column whether it holds numbers.

    Args:
        table: with means and standard deviations, or a row per trial.
        deviations: how many figures are shown with their deviations, from the first on.
    """
    from analysis.cells import heading
    from analysis.numbers import MISSING

    headings, columns, right = [], [], []
    for name in (str(name) for name in table.columns if not str(name).endswith("_sd")):
        figure = name.removesuffix("_mean")
        unit = _unit(figure)
        cells = [_cell(figure, value) for value in table[name]]
        if name != figure and deviations:
            deviations -= 1
            spreads = (_cell(figure, value) for value in table[f"{figure}_sd"])
            pairs = zip(cells, spreads, strict=True)
            cells = [mean if sd == MISSING else f"{mean} ± {sd}" for mean, sd in pairs]
        headings.append([heading(figure), unit] if unit else [heading(figure)])
        right.append(not _is_name(table[name]))
        columns.append(cells)
    return headings, list(zip(*columns, strict=True)), right


def _is_name(column: "pd.Series[Any]") -> bool:
    from pandas.api.types import is_numeric_dtype

    return not is_numeric_dtype(column)


def _unit(figure: str) -> str:
    return "%" if figure.endswith(_PERCENT) else ""  # `seconds` says its own


def _cell(name: str, value: Any) -> str:
    """Return a value as people read it."""
    import pandas as pd

    from analysis import cells
    from analysis.numbers import MISSING, number

    if value is None or (isinstance(value, float) and pd.isna(value)):
        return MISSING
    if name == "commit":
        return short_commit(value)
    if name in SETTABLE and name != "seed":
        return cells.shown(name, value)
    if isinstance(value, float):
        return number(value * 100, 2) if name.endswith(_PERCENT) else number(value, 2)
    return str(value)
