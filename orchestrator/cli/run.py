"""`untuned run`."""

import os
import shlex
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _options, check
from orchestrator.execution import code_upload
from orchestrator.formatting import clock

if TYPE_CHECKING:
    from orchestrator.execution.session import RunRequest
    from orchestrator.execution.supervisor import Outcome
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
    help="Head of a Ray cluster that this machine belongs to, or auto; else a Ray of its own.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would run and what it takes; start nothing."
)
def command(
    study: str,
    results: str,
    data: tuple[str, ...],
    seeds: int | None,
    epochs: int | None,
    keep_networks: bool,
    address: str | None,
    dry_run: bool,
    retries: int,
    fail_fast: bool,
    join: bool,
    tensorboard: str | None,
    **resources: Any,
) -> int:
    """Run what is missing of STUDY, a shipped study's name or a study file.

    Running it again does only what is not finished, so a larger --seeds extends a finished study.
    """
    from orchestrator import plan
    from orchestrator.execution.data_loading import data_sets
    from orchestrator.execution.resources import ResourceRequest
    from orchestrator.execution.tensorboard import check_tensorboard
    from studies.store import Store
    from studies.study import find

    check_tensorboard(tensorboard)
    asked = find(study).override(
        seeds=seeds, epochs=epochs, data=_options.own_data(data), keep_networks=keep_networks
    )
    store = Store(results, asked.name)
    planned = plan.make(asked, store)
    places = _options.places(data, data_sets(planned.trials), asked.data)
    wanted = ResourceRequest(**resources)
    if dry_run:
        check.describe(asked.name, planned)
        if planned.todo:
            check.estimate(planned, places, wanted)
        return 0
    _note_definitions(asked, store)
    if not planned.todo:
        if planned.results.damaged:
            store.prepare()
            _mend(store, planned)
        print(f"{asked.name}: nothing to do, all {len(planned.trials)} trials are finished")
        return 0
    from orchestrator.execution.session import RunRequest

    order = RunRequest(
        study=asked,
        store=store,
        todo=planned.todo,
        data=places,
        recorded=planned.results.fingerprints(),
        resources=wanted,
        address=address,
        retries=retries,
        fail_fast=fail_fast,
        join=join,
        tensorboard=tensorboard,
    )
    return _run(planned, order, results)


def _run(planned: "Plan", asked: "RunRequest", results: str) -> int:
    """Run what is missing and say how it went; the exit code."""
    from orchestrator.execution import heartbeat, ray_connection, supervisor
    from orchestrator.execution.resources import Resources

    started = time.monotonic()
    name, store = asked.study.name, asked.store
    if asked.address:
        ray_connection.check_address(asked.address)
    elif not isinstance(asked.resources, Resources):
        asked = replace(asked, resources=asked.resources.here())
    if not asked.join:
        heartbeat.refuse_second(store)
    store.prepare()
    _mend(store, planned)
    count = f"{len(planned.todo)} of {len(planned.trials)} trials to run"
    where = f"Ray cluster {asked.address}" if asked.address else asked.resources
    print(f"{name}: {count}, {where}", file=sys.stderr)
    outcome = supervisor.run(planned, asked)
    return _conclude(name, store, results, outcome, time.monotonic() - started)


def _note_definitions(asked: "Study", store: "Store") -> None:
    """Say what other definitions of this name have been run, and whose margin counts."""
    known = store.definitions.all()
    others = {trial for other in known if other != asked for trial in other.trials()}
    if others.difference(asked.trials()):
        print(
            f"{asked.name}: {store.uri} also holds other definitions of this name; status and "
            "report cover them all",
            file=sys.stderr,
        )
    earliest = next(iter(known), asked)
    if earliest.margin != asked.margin:
        print(
            f"{asked.name}: the margin stays {earliest.margin}, as it was when the study first ran",
            file=sys.stderr,
        )


def _mend(store: "Store", planned: "Plan") -> None:
    """Set damaged parts aside, so that what they held is run again."""
    for table, part in planned.results.damaged:
        with suppress(FileNotFoundError):  # a run that this one joins has done it
            store.tables.set_aside(table, part)
        print(
            f"{store.study}: damaged part {table}/{part} set aside; its trials run again",
            file=sys.stderr,
        )


def _conclude(name: str, store: "Store", results: str, outcome: "Outcome", seconds: float) -> int:
    """Say how the run ended and give the exit code."""
    counted = f"{name}: {outcome.finished} of {outcome.planned} trials finished"
    new = outcome.finished - outcome.before
    # A job's own command is of no use to whoever submitted it.
    again = os.environ.get(code_upload.COMMAND) or shlex.join(["untuned", *sys.argv[1:]])
    if outcome.interrupted and outcome.finished < outcome.planned:
        print(
            f"{counted} and kept ({new} in this run), long ones that are not left checkpoints; go "
            f"on with: {again}",
            file=sys.stderr,
        )
        return 128 + outcome.interrupted
    if outcome.finished == outcome.planned:
        where = "" if results == "results" else f" --results {shlex.quote(results)}"
        print(
            f"{counted} ({new} in this run, {clock(seconds)}){outcome.outcomes}; results in "
            f"{store.uri}"
        )
        print(f"look at them with: untuned report {name}{where}")
        return 0
    print(f"{counted}; {outcome.planned - outcome.finished} are missing", file=sys.stderr)
    if outcome.reason:
        print(f"  ended early: {outcome.reason}", file=sys.stderr)
    for trial_id, log in outcome.failed.items():
        print(f"  trial {trial_id} failed, see {log}", file=sys.stderr)
    if outcome.lost:
        print(f"  workers or Ray failed, see {outcome.lost}", file=sys.stderr)
    print(f"try again with: {again}", file=sys.stderr)
    return 1
