"""`untuned status`."""

import shlex
from collections.abc import Sequence

import click

from orchestrator.cli import common
from studies.trial import Trial


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
    print(f"{store.study}: {done} of {len(trials)} trials finished, {len(logs)} failed")
    for trial_id, log in logs.items():
        print(f"  trial {trial_id} failed, see {log}")
    for table, part in found.damaged:
        print(f"  damaged part {table}/{part}, left out; `untuned run` runs its trials again")
    for trial_id in found.conflicts:
        print(f"  trial {trial_id} was run twice with different results; the earlier one counts")
    place = [] if results == "results" else ["--results", results]
    for definition, checked in asked:
        missing = sum(trial.trial_id not in found.ids for trial in checked)
        if missing:
            what = store.definition_path(definition) or study
            print(f"{missing} missing; go on with: {shlex.join(['untuned', 'run', what, *place])}")


def show_cells(trials: Sequence[Trial], done: frozenset[str]) -> None:
    """Print a row per cell of a study: the fields that differ, and finished of planned trials."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names, found = common.cells(trials)
    table = Table(*names, "finished", box=box.SIMPLE_HEAD)
    table.columns[-1].justify = "right"
    for values, ids in found.items():
        table.add_row(*values, f"{len(done.intersection(ids))}/{len(ids)}")
    Console().print(table)
