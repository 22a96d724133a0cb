"""`untuned status`."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli import common
from studies.trial import Trial

if TYPE_CHECKING:
    from studies.study import Study


@click.command(name="status")
@common.study_argument
@common.results_option
def command(study: str, results: str) -> None:
    """Say what of STUDY is finished, what failed and what is missing."""
    from orchestrator import plan
    from studies.results import failed, finished

    store, definitions = common.recorded(study, results)
    asked = [(definition, plan.check(definition)) for definition in definitions]
    trials = list(dict.fromkeys(trial for _, checked in asked for trial in checked))
    found = finished(store)
    done = sum(trial.trial_id in found.ids for trial in trials)
    logs = failed(store, found.ids)
    show_cells(trials, found.ids)
    print(
        f"{store.study}: {done} of {len(trials)} trials finished, {len(logs)} failed"
        f"{found.outcomes({trial.trial_id for trial in trials})}"
    )
    for trial_id, log in logs.items():
        print(f"  trial {trial_id} failed, see {log}")
    for table, part in found.damaged:
        print(f"  damaged part {table}/{part}, left out; `untuned run` runs its trials again")
    for trial_id in found.conflicts:
        print(f"  trial {trial_id} was run twice with different results; the earlier one counts")
    place = [] if results == "results" else ["--results", results]
    _say_what_is_new(study, definitions, found.ids)
    for definition, checked in asked:
        missing = sum(trial.trial_id not in found.ids for trial in checked)
        if missing:
            what = store.definition_path(definition) or study
            print(f"{missing} missing; go on with: {shlex.join(['untuned', 'run', what, *place])}")


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

    names, found = common.cells(trials)
    table = Table(*names, "finished", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.overflow = "fold"  # a name that is cut off could be another
    table.columns[-1].justify = "right"
    for values, ids in found.items():
        table.add_row(*values, f"{len(done.intersection(ids))}/{len(ids)}")
    Console().print(table)
