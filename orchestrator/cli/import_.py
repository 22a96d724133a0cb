"""`untuned import`."""

from typing import TYPE_CHECKING

import click

from orchestrator import taking_over
from orchestrator.cli import _lookup, _options
from orchestrator.formatting import many
from studies.errors import UserError
from studies.names import is_study_file

if TYPE_CHECKING:
    from studies.store.importing import Import


@click.command(name="import")
@_options.study_argument
@_options.results_option
@click.option(
    "--from",
    "source",
    required=True,
    metavar="URI",
    help="Folder or URI of the results of a study, such as other/results/digits or "
    "s3://BUCKET/results/digits.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be copied; write nothing.")
def command(study: str, results: str, source: str, dry_run: bool) -> int:
    """Copy finished trials from other results into those of STUDY.

    Trials are identified by their id and copied with all their rows and their provenance. From
    other results of the same study, all trials are copied, and the definitions with the time at
    which they were recorded and the trials known then. From another study, only the trials that
    STUDY needs are copied. Trials that are already here stay as they are, so an import can be
    repeated. Damaged trials are left out.
    """
    from analysis.places import store_of
    from studies.store.importing import compared

    read = store_of(source)
    definitions = read.definitions.all()
    name, wanted = _wanted(study, results, {definition.name for definition in definitions})
    from studies.store import Store

    target = Store(results, name)
    if target.uri == read.uri:
        raise UserError(f"--from {source}: these are the results of {name} themselves")
    found = compared(read, target, wanted)
    if not len(found.done.rows) and not definitions:
        raise UserError(f"--from {source}: no results there; give a study's folder")
    if not dry_run and not found.is_empty:
        target.check_writable()
        taking_over.run(found)
    print(f"{name}: {_summary(found, dry_run=dry_run)}")
    return taking_over.print_problems(found)


def _wanted(study: str, results: str, names: set[str]) -> tuple[str, frozenset[str] | None]:
    """Return the study's name, and the ids that it asks for if the source is another study.

    Args:
        study: the study as the user named it.
        results: the folder or URI of all results.
        names: the names of the studies that are defined in the source.
    """
    from orchestrator import plan
    from studies.study import find

    if study in names:
        return study, None
    if is_study_file(study) and (name := find(study).name) in names:
        return name, None
    store, definitions = _lookup.store_and_definitions(study, results)
    asked = {
        trial.trial_id
        for definition in definitions
        for trial in plan.check(definition, definition.candidates())
    }
    return store.study, frozenset(asked)


def _summary(found: "Import", *, dry_run: bool = False) -> str:
    """Return in a line what an import takes over, or would take over."""
    trials = many(len(found.ids), "trial")
    definitions = many(len(found.definitions), "definition") if found.definitions else ""
    would = "would be " if dry_run else ""
    others = [
        f"{found.already} already here" if found.already else "",
        f"{found.not_wanted} not of this study" if found.not_wanted else "",
    ]
    rest = ", ".join(filter(None, others))
    what = f"{trials} and {definitions}" if definitions else trials
    line = f"{what} {would}taken over from {found.source.uri}"
    return f"{line} ({rest})" if rest else line
