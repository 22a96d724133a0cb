"""`untuned delete`."""

import click

from orchestrator.cli import _completion, _confirm, _lookup, _options
from orchestrator.formatting import many, size
from studies.errors import UserError, unknown


@click.command(name="delete")
@click.argument("study", shell_complete=_completion.recorded_study)
@_options.results_option
@_confirm.yes_option
@click.option("--dry-run", is_flag=True, help="Show what would be deleted; change nothing.")
def command(study: str, results: str, yes: bool, dry_run: bool) -> int:
    """Delete all results of STUDY.

    This deletes its trials, definitions, networks, logs and report, and the record of which trials
    were known when its definitions were recorded. The study file and the project's shipped results
    stay.
    """
    from studies.store import Store, studies_in

    if _lookup.is_place(study):
        from analysis.places import store_of

        store = store_of(study)
        results = store.uri.rpartition("/")[0] if store.local_path else study.rpartition("/")[0]
    else:
        store = Store(results, study)
    if store.study not in (names := studies_in(results)):
        raise unknown("study with results", study, names)
    if store.definitions.is_empty():
        raise UserError(
            f"{store.uri}: no definition of a study is recorded in it, so it may be something "
            "else; delete the folder yourself if it is not needed"
        )
    trials = store.tables.read("trials", ["trial_id"]).rows["trial_id"].to_pylist()
    what = f"{many(len(set(trials)), 'finished trial')} in {store.uri}, {size(store.size())}"
    if dry_run:
        print(f"{store.study}: {what} would be deleted; nothing was changed")
        return 0
    if not _confirm.agreed(store, f"Delete {what}, and everything else in this folder?", yes=yes):
        return 1
    try:
        store.delete()
    except OSError as error:
        raise UserError(
            f"results {store.uri}: cannot be deleted ({error.strerror or error}); the same command "
            "goes on"
        ) from None
    print(f"{store.study}: {what} deleted")
    return 0
