"""`untuned status`."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _options
from studies.trial import Trial

if TYPE_CHECKING:
    from studies.store import Store
    from studies.study import Study


@click.command(name="status")
@_options.study_argument
@_options.results_option
@click.option("--watch", is_flag=True, help="Go on looking, from any machine, until it is done.")
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks of --watch.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON: once, or a line for each look.")
def command(study: str, results: str, watch: bool, every: float, as_json: bool) -> int:
    """Say what of STUDY is finished, what failed and what is missing.

    With --watch it shows the cells as they fill, who runs the study and how fast; where the output
    is no terminal, a line for each look. Ctrl-C ends the watching, and nothing else.
    """
    store, definitions = _options.recorded(study, results)
    if watch or as_json:
        from orchestrator.status import live
        from orchestrator.status.snapshot import SnapshotReader

        glance = SnapshotReader(store, definitions)
        return live.watch(glance, every if watch else None, as_json=as_json)
    _show(study, results, store, definitions)
    return 0


def _show(study: str, results: str, store: "Store", definitions: "Sequence[Study]") -> None:
    """Print the cells, then a line for all that is not as it should be."""
    from orchestrator import plan
    from studies.store.finished import failures, finished

    asked = [(definition, plan.check(definition)) for definition in definitions]
    trials = list(dict.fromkeys(trial for _, checked in asked for trial in checked))
    found = finished(store)
    done = sum(trial.trial_id in found.ids for trial in trials)
    lost = failures(store, found.ids)
    show_cells(trials, found.ids)
    print(
        f"{store.study}: {done} of {len(trials)} trials finished, {len(lost)} failed"
        f"{found.outcomes({trial.trial_id for trial in trials})}"
    )
    _say_what_failed(lost, trials)
    for table, part in found.damaged:
        print(f"  damaged part {table}/{part}, left out; `untuned run` runs its trials again")
    for trial_id in found.conflicts:
        print(f"  trial {trial_id} was run twice with different results; the earlier one counts")
    place = [] if results == "results" else ["--results", results]
    _say_what_is_new(study, definitions, found.ids)
    for definition, checked in asked:
        missing = sum(trial.trial_id not in found.ids for trial in checked)
        if missing:
            what = store.definitions.path(definition) or study
            print(f"{missing} missing; go on with: {shlex.join(['untuned', 'run', what, *place])}")


def _say_what_failed(lost: Mapping[str, Mapping[str, Any]], trials: Sequence[Trial]) -> None:
    """Print for each trial that failed its cell, what went wrong and where the log is."""
    from orchestrator import plan

    _, found = plan.cells(trials)
    cells = {trial_id: ", ".join(values) for values, ids in found.items() for trial_id in ids}
    for trial_id, row in lost.items():
        trial = Trial.from_mapping(json.loads(row["trial"]))
        cell = cells.get(trial_id, trial.method)
        print(f"  trial {trial_id} ({cell}, seed {trial.seed}) failed: {row['error']}")
        print(f"    see {row['log']}")


def _say_what_is_new(study: str, definitions: "Sequence[Study]", done: frozenset[str]) -> None:
    """Say so if the study as it stands now asks for trials that no run was asked for."""
    from orchestrator import plan
    from studies.study import find, shipped

    if study not in shipped() and not study.endswith((".yaml", ".yml")):
        return
    known = {trial for definition in definitions for trial in definition.trials()}
    new = [t for t in plan.check(find(study)) if t not in known and t.trial_id not in done]
    if new:
        print(f"{study} as it stands now asks for {len(new)} more; untuned run {study} runs them")


def show_cells(trials: Sequence[Trial], done: frozenset[str]) -> None:
    """Print a row per cell of a study: the fields that differ, and finished of planned trials."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from orchestrator import plan

    names, found = plan.cells(trials)
    table = Table(*names, "finished", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.overflow = "fold"  # a name that is cut off could be another
    table.columns[-1].justify = "right"
    for values, ids in found.items():
        table.add_row(*values, f"{len(done.intersection(ids))}/{len(ids)}")
    Console().print(table)
