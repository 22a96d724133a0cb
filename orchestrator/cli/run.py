"""`untuned run`."""

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from orchestrator import data_places, running, taking_over
from orchestrator.cli import _on_end, _options, check
from orchestrator.execution import code_upload
from orchestrator.formatting import clock
from studies.errors import UserError
from studies.seeds import Seeds

if TYPE_CHECKING:
    from studies.store import Store
    from studies.study import Study
    from studies.trial import Value

#: The exit code of a run that ended because its time was over; `timeout` has the same one.
TIMED_OUT = 124


@click.command(name="run")
@_options.study_argument
@_options.results_option
@_options.data_option
@_options.extent_options
@_options.running_options
@click.option(
    "--address",
    type=_options.NotEmpty(),
    metavar="HOST:PORT",
    help="Head of a Ray cluster that this machine belongs to, or auto; by default the run starts "
    "its own Ray.",
)
@click.option(
    "--executor",
    type=click.Choice(["ray", "inline"]),
    default="ray",
    show_default=True,
    help="What trains: Ray's workers, or this process alone without Ray, such as in a debugger.",
)
@_on_end.option
@click.option(
    "--no-shipped",
    is_flag=True,
    help="Train everything here; copy no trials from the project's shipped results.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show what would run and what it costs; start nothing."
)
def command(
    study: str,
    results: str,
    data: tuple[str, ...],
    seeds: Seeds | None,
    epochs: int | None,
    only: "dict[str, list[Value]]",
    change: "dict[str, list[Value]]",
    keep_networks: bool,
    address: str | None,
    no_shipped: bool,
    dry_run: bool,
    engine: str,
    hours: float | None,
    on_end: list[str] | None,
    **given: Any,
) -> int:
    """Run the missing trials of STUDY.

    STUDY is the name of a shipped study, or a study file. Only unfinished trials are trained, so a
    larger --seeds extends a finished study. Trials in the project's shipped results are copied from
    there. If the study tunes fields, the tuning seeds run first; the values that they choose then
    run on the fresh seeds.
    """
    from studies.store import Store
    from studies.study import find

    requested = find(study).override(
        seeds=seeds,
        epochs=epochs,
        data=data_places.named_sources(data),
        keep_networks=keep_networks,
        only=only,
        change=change,
    )
    store = Store(results, requested.name)
    published = None if no_shipped else taking_over.place(requested, study)
    how = running.HowToRun(data=data, address=address, engine=engine, hours=hours, options=given)
    if dry_run:  # what it does not take over is counted where it is
        _show_costs(requested, [store, *([published] if published else [])], how)
        return 0
    if published:
        taking_over.take_over(requested, store, published)
    return _run(requested, store, how, results, on_end)


def _run(
    requested: "Study",
    store: "Store",
    how: running.HowToRun,
    results: str,
    on_end: list[str] | None,
) -> int:
    """Run a study, and a command of the user's after it; return the exit code.

    Args:
        requested: the study as it is asked for.
        store: its results.
        how: how it is run.
        results: the folder or URI of all results, as the user named it.
        on_end: the words of the command, or None.
    """
    code, counts = 0, None
    try:
        for ended in running.run_definitions(requested, store, how):
            code = _conclude(ended, results, joins=how.joins)
            counts = _on_end.Counts.of(ended)
    except UserError:  # nothing was started, or not what comes next
        if on_end and counts:
            _on_end.run(on_end, store, counts, 2)
        raise
    except Exception:
        if on_end:
            _on_end.run(on_end, store, _on_end.Counts.read(requested, store), 1)
        raise
    if on_end and counts:
        _on_end.run(on_end, store, counts, code)
    return code


def _show_costs(requested: "Study", stores: "list[Store]", how: running.HowToRun) -> None:
    """Print what would run and what it costs."""
    from orchestrator import estimating, tuning

    definition = tuning.resolved(requested, *stores)
    run = running.prepared(definition, stores, how)
    show_estimate = check.show_costs(
        definition, run.planned, stores, how.data, run.options, estimating.here
    )
    show_estimate()


def _conclude(ended: running.Ended, results: str, *, joins: bool = False) -> int:
    """Print how the run of a definition ended and return the exit code.

    Args:
        ended: how it ended.
        results: the folder or URI of all results, as the user named it.
        joins: whether other runs may have trained some of the trials.
    """
    outcome, name = ended.outcome, ended.study.name
    if outcome is None:
        print(f"{name}: nothing to do, all {ended.planned} trials are finished")
        return 0
    new = f"{outcome.finished - outcome.before} {'since it began' if joins else 'in this run'}"
    finished = f"{name}: {outcome.finished} of {outcome.planned} trials finished ({new}"
    # The user of a submitted job must repeat `untuned submit`, not the job's own command.
    again = os.environ.get(code_upload.COMMAND) or shlex.join(["untuned", *sys.argv[1:]])
    stopped = 128 + outcome.interrupted if outcome.interrupted else TIMED_OUT
    if ended.finished:
        took = clock(ended.seconds)
        print(f"{finished}, {took}){outcome.diverged_or_dead}; results in {ended.store.uri}")
        if ended.study.is_tuned and ended.stopped:
            print(f"the tuning seeds are finished; continue with: {again}", file=sys.stderr)
            return stopped
        _print_next_step(ended.study, results)
        return 0
    if ended.stopped:
        over = "" if outcome.interrupted else " The time given by --hours is over."
        print(
            f"{finished}).{over} Unfinished long trials left checkpoints. Continue with: {again}",
            file=sys.stderr,
        )
        return stopped
    for line in ended.missing():
        print(line, file=sys.stderr)
    print(f"try again with: {again}", file=sys.stderr)
    return 1


def _print_next_step(study: "Study", results: str) -> None:
    """Print what follows a definition whose trials are finished."""
    if study.is_tuned:
        print("the tuning seeds are finished; the chosen values now run on the fresh seeds")
        return
    where = "" if results == "results" else f" --results {shlex.quote(results)}"
    print(f"write a report with: untuned report {study.name}{where}")
