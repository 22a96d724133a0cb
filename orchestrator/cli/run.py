"""`untuned run`."""

import os
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _data, _options, _shipped, check
from orchestrator.execution import code_upload
from orchestrator.formatting import clock
from studies.errors import UserError
from studies.seeds import Seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.execution.messages import Outcome, RunOptions, RunRequest
    from orchestrator.execution.session_process import SessionProcess
    from orchestrator.plan import Plan
    from studies.store import Store
    from studies.study import Study


@click.command(name="run")
@_options.study_argument
@_options.results_option
@_options.data_option
@_options.extent_options
@_options.running_options
@click.option(
    "--address",
    metavar="HOST:PORT",
    help="Head of a Ray cluster that this machine belongs to, or auto; by default the run starts "
    "its own Ray.",
)
@click.option(
    "--executor",
    type=click.Choice(["ray", "inline"]),
    default="ray",
    show_default=True,
    help="What trains: Ray's workers, or this process alone without Ray, as for a debugger.",
)
@click.option(
    "--no-shipped",
    is_flag=True,
    help="Train everything here; take no finished trial over from the project's shipped results.",
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
    keep_networks: bool,
    address: str | None,
    no_shipped: bool,
    dry_run: bool,
    engine: str,
    **given: Any,
) -> int:
    """Run the missing trials of STUDY.

    STUDY is the name of a shipped study, or a study file. A second run trains only what is not
    finished, so a larger --seeds extends a finished study. Trials that are in the project's shipped
    results are taken over from there. If the study tunes fields, the tuning seeds run first; the
    values that they choose then run on the fresh seeds.
    """
    from orchestrator import tuning
    from studies.store import Store
    from studies.study import find

    requested = find(study).override(
        seeds=seeds, epochs=epochs, data=_data.named_sources(data), keep_networks=keep_networks
    )
    store = Store(results, requested.name)
    published = None if no_shipped else _shipped.place(requested, study)
    if published and not dry_run:
        _shipped.take_over(requested, store, published)
    # What a dry run does not take over is counted where it is.
    others = (published,) if published and dry_run else ()
    how = _How(results, data, address, engine, given, others, dry_run=dry_run)
    is_over = False
    while not is_over:
        definition = tuning.resolved(requested, store, *others)
        code = _run_definition(definition, store, how)
        is_over = bool(code) or dry_run or not definition.is_tuned
    return code


@dataclass(frozen=True)
class _How:
    """How definitions are run: the options of the command that do not change them.

    Attributes:
        results: the folder or URI of all results.
        data: the values of --data.
        address: of a Ray cluster, or None.
        engine: the value of --engine.
        options: the other fields of `RunOptions`.
        others: further results whose trials are not trained.
        dry_run: whether to start nothing.
    """

    results: str
    data: tuple[str, ...]
    address: str | None
    engine: str
    options: "Mapping[str, Any]"
    others: "tuple[Store, ...]"
    dry_run: bool


def _run_definition(definition: "Study", store: "Store", how: _How) -> int:
    """Run the missing trials of a definition, or show what would run; return the exit code."""
    from orchestrator.execution.session_process import SessionProcess

    # A session's process takes seconds to import Ray; it does so while the study is planned.
    process = None
    if not how.dry_run and how.options["executor"] == "ray":
        process = click.get_current_context().with_resource(SessionProcess(how.address))
    from orchestrator import plan
    from orchestrator.execution.data_loading import data_set_names
    from orchestrator.execution.messages import RunOptions, RunRequest

    planned = plan.make([definition], store, *how.others)
    options = RunOptions(engine=_engine(how, planned, store), **how.options)
    places = _data.places(how.data, data_set_names(planned.trials), definition.data)
    if planned.todo:
        _data.check({name: places[name] for name in data_set_names(planned.todo)})
        _check_surroundings(store, options, how.address)
    if how.dry_run:
        check.show_costs(definition, planned, [store, *how.others], how.data, options)
        return 0
    _note_definitions(definition, store)
    if not planned.todo:
        if planned.results.damaged:
            store.check_writable()
            _set_damaged_aside(store, planned)
        count = len(planned.trials)
        print(f"{definition.name}: nothing to do, all {count} trials are finished")
        return 0
    request = RunRequest(
        study=definition,
        store=store,
        todo=planned.todo,
        need_masks=planned.demand.need_masks,
        data=places,
        fingerprints=planned.results.fingerprints(),
        options=options,
        address=how.address,
    )
    return _run(planned, request, process, how.results)


def _engine(how: _How, planned: "Plan", store: "Store") -> str:
    """Return the engine of the runs that this one joins, if there are any, or its own choice."""
    from orchestrator.execution import heartbeat, resources

    if how.engine == "auto" and how.options["join"]:
        for other in heartbeat.LiveRuns(store).alive():
            if other.engine:
                return other.engine
    return resources.engine(how.engine, planned.results.cpu_engines())


def _check_surroundings(store: "Store", options: "RunOptions", address: str | None) -> None:
    """Check what a run needs beside its data sets, before anything is started or written.

    Raises:
        UserError: the results or TensorBoard's curves cannot be written, or no cluster answers.
    """
    from orchestrator.execution import ray_connection, tensorboard

    store.check_writable()
    tensorboard.check(options.tensorboard)
    if address and options.executor == "inline":
        raise UserError(
            f"--address {address}: the executor inline trains in this process; leave one of the "
            "two out"
        )
    if address:
        ray_connection.check_address(address)


def _run(
    planned: "Plan", request: "RunRequest", process: "SessionProcess | None", results: str
) -> int:
    """Run the missing trials, print how the run ended and return the exit code."""
    from orchestrator.execution import heartbeat, resources, supervisor

    started = time.monotonic()
    name, store = request.study.name, request.store
    if not request.address:
        request = replace(request, resources=resources.on_this_machine(request.options))
    if not request.options.join:
        heartbeat.refuse_second(store)
    _set_damaged_aside(store, planned)
    count = f"{len(planned.todo)} of {len(planned.trials)} trials to run"
    where = f"Ray cluster {request.address}" if request.address else request.resources
    print(f"{name}: {count}, {where}", file=sys.stderr)
    outcome = supervisor.run(planned, request, process)
    seconds = time.monotonic() - started
    return _conclude(request.study, store, results, outcome, seconds)


def _note_definitions(definition: "Study", store: "Store") -> None:
    """Print whether other definitions of this name have been run, and which margin counts."""
    recorded = store.definitions.all()
    others = {trial for other in recorded if other != definition for trial in other.trials()}
    # Before its tuning seeds are finished, a study does not say which fresh trials it has.
    if not definition.is_tuned and others.difference(definition.trials()):
        print(
            f"{definition.name}: {store.uri} also holds other definitions of this study; status "
            "and report cover all of them",
            file=sys.stderr,
        )
    earliest = next(iter(recorded), definition)
    if earliest.margin != definition.margin:
        print(
            f"{definition.name}: the margin stays {earliest.margin}, which was fixed when "
            "the study first ran",
            file=sys.stderr,
        )


def _set_damaged_aside(store: "Store", planned: "Plan") -> None:
    """Set damaged parts aside, so that what they held is run again."""
    for table, part in planned.results.damaged:
        with suppress(FileNotFoundError):  # another run has set it aside
            store.tables.set_aside(table, part)
        print(
            f"{store.study}: damaged part {table}/{part} set aside; its trials run again",
            file=sys.stderr,
        )


def _conclude(
    study: "Study", store: "Store", results: str, outcome: "Outcome", seconds: float
) -> int:
    """Print how the run ended and return the exit code."""
    name = study.name
    finished = f"{name}: {outcome.finished} of {outcome.planned} trials finished"
    new = outcome.finished - outcome.before
    # The user of a submitted job must repeat `untuned submit`, not the job's own command.
    again = os.environ.get(code_upload.COMMAND) or shlex.join(["untuned", *sys.argv[1:]])
    if outcome.interrupted and outcome.finished < outcome.planned:
        print(
            f"{finished} ({new} in this run). Unfinished long trials left checkpoints. Continue "
            f"with: {again}",
            file=sys.stderr,
        )
        return 128 + outcome.interrupted
    if outcome.finished == outcome.planned:
        where = "" if results == "results" else f" --results {shlex.quote(results)}"
        print(
            f"{finished} ({new} in this run, {clock(seconds)}){outcome.diverged_or_dead}; results "
            f"in {store.uri}"
        )
        if study.is_tuned and outcome.interrupted:
            print(f"the tuning seeds are finished; continue with: {again}", file=sys.stderr)
            return 128 + outcome.interrupted
        if study.is_tuned:
            print("the tuning seeds are finished; the chosen values now run on the fresh seeds")
        else:
            print(f"write a report with: untuned report {name}{where}")
        return 0
    print(f"{finished}; {outcome.planned - outcome.finished} are missing", file=sys.stderr)
    if outcome.reason:
        print(f"  ended early: {outcome.reason}", file=sys.stderr)
    for trial_id, log in outcome.failed.items():
        print(f"  trial {trial_id} failed; see {log}", file=sys.stderr)
    if outcome.log:
        print(f"  workers or Ray failed; see {outcome.log}", file=sys.stderr)
    print(f"try again with: {again}", file=sys.stderr)
    return 1
