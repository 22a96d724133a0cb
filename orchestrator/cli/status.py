"""`untuned status`."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _completion, _lookup, _options
from orchestrator.formatting import field_values, many, size
from studies.errors import UserError
from studies.names import is_study_file
from studies.trial import Trial

if TYPE_CHECKING:
    from orchestrator.plan import Plan
    from studies.store import Store
    from studies.study import Study


@click.command(name="status")
@click.argument("study", required=False, shell_complete=_completion.study)
@_options.results_option
@click.option(
    "--watch", is_flag=True, help="Update until the study is finished; works from any machine."
)
@click.option(
    "--every",
    type=_options.FiniteRange(0.1, 3600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two updates of --watch.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; with --watch, a line per update."
)
def command(study: str | None, results: str, watch: bool, every: float, as_json: bool) -> int:
    """Show which trials of STUDY are finished, failed or missing.

    Without a study, all studies that have results are listed.

    --watch shows the progress of each cell, which runs are active and how fast they are. If the
    output is not a terminal, it prints a line per update. Ctrl-C ends only the display.
    """
    if study is None:
        if watch:
            raise UserError("status --watch: give a study")
        _show_all(results, as_json=as_json)
        return 0
    stores, definitions = _lookup.places_and_definitions(study, results)
    if watch or as_json:
        from orchestrator.status import live
        from orchestrator.status.snapshot import SnapshotReader

        reader = SnapshotReader(stores, definitions)
        return live.watch(reader, every if watch else None, as_json=as_json)
    if _lookup.is_place(study):  # what commands name by --results and the study
        from analysis.places import split

        results, study = split(study)
    _show(study, results, stores, definitions)
    return 0


def _show_all(results: str, *, as_json: bool) -> None:
    """Print a row per study that has results."""
    from orchestrator import text_tables
    from orchestrator.status.overview import overview

    states = overview(results)
    if as_json:
        print(json.dumps([asdict(state) for state in states], indent=2))
        return
    if not states:
        print(f"no study has results in {results}; untuned list shows what can be run")
        return
    rows = []
    for state in states:
        counts = ("?", "?", "?")
        if not state.problem:
            finished = f"{state.finished}/{state.planned}"
            running = f"{state.training} in training" if state.runs else ""
            counts = (finished, running, str(state.failed or ""))
        notes = "shipped" if state.shipped else ""
        rows.append((state.study, *counts, size(state.bytes), notes))
    numbers = ("finished", "running", "failed", "size")
    text_tables.show(("study", *numbers, ""), rows, right=numbers)
    for state in states:
        if state.problem:
            print(f"{state.study}: {state.problem}", file=sys.stderr)


def _show(
    study: str, results: str, stores: "Sequence[Store]", definitions: "Sequence[Study]"
) -> None:
    """Print the cells, then a line for each problem and for what is missing."""
    from orchestrator import plan

    store = stores[0]
    planned = plan.make(definitions, *stores)
    recorded = planned.results
    done = len(planned.trials) - len(planned.todo)
    failed = planned.failures(store)
    show_cells(planned)
    print(
        f"{store.study}: {done} of {len(planned.trials)} trials finished, {len(failed)} failed"
        f"{recorded.outcomes({trial.trial_id for trial in planned.trials})}"
    )
    _print_runs(store)
    _print_failures(failed, planned.trials)
    for line in recorded.left_out():
        print(f"  {line}")
    for trial_id in recorded.conflicts:
        print(f"  trial {trial_id} was run twice with different results; the earlier one counts")
    _print_shipped(planned, stores)
    _print_new_trials(study, definitions, recorded.ids)
    option = [] if results == "results" else ["--results", results]
    for definition in definitions:
        demand = plan.demand([definition])
        count = len(demand.remaining(recorded.ids, recorded.ids_with_masks))
        command = shlex.join(["untuned", "run", _name_of(definition, study, stores), *option])
        if count:
            print(f"{count} missing; continue with: {command}")
            if len(definitions) > 1:  # one of them may have been given up
                name = definition.definition_hash
                command = shlex.join(["untuned", "forget", study, "--definition", name, *option])
                print(f"  or give them up with: {command}")
        elif definition.is_tuned and definition is definitions[-1]:
            print(f"the tuning seeds are finished; run the chosen values with: {command}")


def _name_of(definition: "Study", study: str, stores: "Sequence[Store]") -> str:
    """What `untuned run` knows a definition by: the study, or else the file that recorded it."""
    from studies.study import find, shipped

    if study in shipped() and find(study).definition_hash == definition.definition_hash:
        return study
    paths = (place.definitions.path(definition) for place in stores)
    return next(filter(None, paths), study)


def _print_runs(store: "Store") -> None:
    """Print a line for each run that is alive.

    Whether one on another machine is alive shows within seconds.
    """
    from orchestrator.execution.live_runs import LiveRuns

    for run in LiveRuns(store).certainly():
        doing = "it is starting" if run.starting else many(len(run.training), "trial")
        doing = doing if run.starting else f"{doing} in training"
        print(f"  being run by {run}; {doing}")


def _print_shipped(planned: "Plan", stores: "Sequence[Store]") -> None:
    """Print how many of the finished trials are in the shipped results alone."""
    from studies.store import shipped
    from studies.store.finished import finished

    published = shipped.store(stores[0].study)
    if published is None or published.uri not in [store.uri for store in stores]:
        return
    own = [finished(store).ids for store in stores if store.uri != published.uri]
    asked = {trial.trial_id for trial in planned.trials} & planned.results.ids
    if count := len(asked.difference(*own)):
        print(f"  {many(count, 'finished trial')} in the shipped results only, {published.uri}")


def _print_failures(failed: Mapping[str, Mapping[str, Any]], trials: Sequence[Trial]) -> None:
    """Print each failed trial with its cell, its error and the path of its log."""
    from orchestrator import plan

    _, ids_by_cell = plan.cells(trials)
    cells = {trial_id: ", ".join(cell) for cell, ids in ids_by_cell.items() for trial_id in ids}
    for trial_id, row in failed.items():
        trial = Trial.from_mapping(json.loads(row["trial"]))
        cell = cells.get(trial_id, trial.method)
        print(f"  trial {trial_id} ({cell}, seed {trial.seed}) failed: {row['error']}")
        print(f"    see {row['log']}")


def _print_new_trials(study: str, definitions: "Sequence[Study]", done: frozenset[str]) -> None:
    """Print how many trials the study has now that no recorded definition has."""
    from orchestrator import plan
    from studies.study import find, shipped

    if study not in shipped() and not is_study_file(study):
        return
    known = {trial for definition in definitions for trial in definition.trials()}
    new = [t for t in plan.check(find(study)) if t not in known and t.trial_id not in done]
    if new:
        trials = many(len(new), "more trial")
        print(f"{study} has {trials} that no run was asked for; run with: untuned run {study}")


def show_cells(planned: "Plan") -> None:
    """Print a row per cell of a study: the fields that differ, and how many trials are finished."""
    from orchestrator import plan, text_tables

    missing = {trial.trial_id for trial in planned.todo}
    names, ids_by_cell = plan.cells(planned.trials)
    rows = [
        (
            *field_values(dict(zip(names, cell, strict=True))),
            f"{len(ids) - len(missing.intersection(ids))}/{len(ids)}",
        )
        for cell, ids in ids_by_cell.items()
    ]
    text_tables.show((*names, "finished"), rows, right=("finished",))
