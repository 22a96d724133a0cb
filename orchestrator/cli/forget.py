"""`untuned forget`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli import _confirm, _lookup, _options
from orchestrator.formatting import many
from studies.errors import UserError
from studies.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from studies.store import Store
    from studies.store.definitions import Recorded


@click.command(name="forget")
@_options.study_argument
@_options.results_option
@_options.where_option(
    "Drop the finished trials that meet this condition, such as method=free-pruning or "
    "'finished_at<2026-05-31'"
)
@click.option(
    "--definition",
    metavar="ID",
    help="Drop this definition, because it was given up; `untuned status` shows the ids.",
)
@_confirm.yes_option
@click.option("--dry-run", is_flag=True, help="Show what would be dropped; change nothing.")
def command(
    study: str,
    results: str,
    where: tuple[str, ...],
    definition: str | None,
    yes: bool,
    dry_run: bool,
) -> int:
    """Drop finished trials or a definition of STUDY for good.

    Dropped trials are missing again, so the next run of the study trains them again. They still
    count as known, so a definition that is recorded later is not confirmatory for their seeds.

    Dropping a definition keeps its finished trials. Its missing trials are no longer planned, so
    that `untuned status --watch` ends.
    """
    if bool(where) == bool(definition):
        raise UserError("forget: give either --where CONDITION or --definition ID")
    store = _lookup.own_results(study, results)
    if definition:
        return _forget_definition(store, definition, yes=yes, dry_run=dry_run)
    return _forget_trials(store, where, yes=yes, dry_run=dry_run)


def _forget_trials(store: "Store", where: Sequence[str], *, yes: bool, dry_run: bool) -> int:
    """Drop the trials that meet conditions and return the exit code."""
    from orchestrator.cli._filters import Condition
    from studies.store.forgetting import forget

    conditions = [Condition.of(text) for text in where]
    rows = store.tables.read("trials").rows.drop_columns("part").to_pandas()
    for condition in conditions:
        rows = rows[condition.holds(rows)]
    for line in _listed(rows):
        print(line)
    count = many(rows["trial_id"].nunique(), "trial")
    if dry_run or rows.empty:
        print(f"{store.study}: {count} would be dropped; nothing was changed")
        return 0
    if not _confirm.agreed(store, f"Drop {count} of {store.uri} for good?", yes=yes):
        return 1
    try:
        forget(store, frozenset(rows["attempt"]))
    except OSError as error:
        raise _unwritable(store, error) from None
    print(f"{store.study}: {count} dropped")
    _note_shipped(store, frozenset(rows["trial_id"]))
    return 0


def _listed(rows: "pd.DataFrame") -> list[str]:
    """Return a line per trial: its id, the fields that differ, and when and where it finished."""
    from orchestrator import plan

    attempts = rows.sort_values(["finished_at", "trial_id"]).to_dict("records")
    trials = {row["trial_id"]: Trial.from_mapping(json.loads(row["trial"])) for row in attempts}
    _, ids_by_cell = plan.cells(list(trials.values()))
    cells = {trial_id: ", ".join(cell) for cell, ids in ids_by_cell.items() for trial_id in ids}
    return [
        f"  {row['trial_id']}  {cells[row['trial_id']]}, seed {row['seed']}, finished "
        f"{row['finished_at']:%Y-%m-%d %H:%M} on {row['host']}"
        for row in attempts
    ]


def _note_shipped(store: "Store", ids: frozenset[str]) -> None:
    """Print that dropped trials are in the shipped results."""
    from studies.store import shipped
    from studies.store.finished import finished

    published = shipped.store(store.study)
    count = len(ids & finished(published).ids) if published else 0
    if count:
        print(
            f"the shipped results have {many(count, 'trial')} of these; `untuned run --no-shipped` "
            "trains them again"
        )


def _forget_definition(store: "Store", prefix: str, *, yes: bool, dry_run: bool) -> int:
    """Drop a definition and return the exit code."""
    from orchestrator import plan
    from studies.store.finished import finished

    every = store.definitions.recorded()
    chosen = _chosen(store, every, prefix)
    others = [recorded.study for recorded in every if recorded is not chosen]
    name = chosen.study.definition_hash
    done = finished(store).ids
    kept = {trial.trial_id for trial in plan.demand(others).trials}
    asked = {trial.trial_id for trial in plan.check(chosen.study)}
    given_up = len(asked - kept - done)
    what = f"definition {name} ({many(given_up, 'missing trial')} that only it asks for)"
    if dry_run:
        print(f"{store.study}: {what} would be dropped; nothing was changed")
        return 0
    if not _confirm.agreed(store, f"Drop {what} of {store.uri}?", yes=yes):
        return 1
    try:
        store.definitions.drop(chosen.study)
    except OSError as error:
        raise _unwritable(store, error) from None
    print(f"{store.study}: {what} dropped; finished trials stay")
    if chosen is every[0] and others[0].margin != chosen.study.margin:
        print(f"the margin that counts is now {others[0].margin}, of the next definition")
    return 0


def _chosen(store: "Store", every: "Sequence[Recorded]", prefix: str) -> "Recorded":
    """Return the definition whose id begins with a text.

    Raises:
        UserError: there is none, or there are several, or it is the only definition.
    """
    matches = [one for one in every if one.study.definition_hash.startswith(prefix)]
    if len(matches) != 1:
        known = ", ".join(f"{one.study.definition_hash} ({one.at[:16]})" for one in every)
        raise UserError(
            f"--definition {prefix}: {len(matches)} definitions of {store.study} begin with it; "
            f"recorded are: {known}"
        )
    if len(every) == 1:
        raise UserError(
            f"--definition {prefix}: it is the only one of {store.study}; untuned delete removes "
            "the study"
        )
    return matches[0]


def _unwritable(store: "Store", error: OSError) -> UserError:
    return UserError(
        f"results {store.uri}: cannot be written to ({error.strerror or error}); the same command "
        "goes on"
    )
