"""Takes finished trials over from other results, such as those that the project ships."""

import sys
from typing import TYPE_CHECKING

from orchestrator.formatting import many
from studies.errors import UserError

if TYPE_CHECKING:
    from studies.store import Store
    from studies.store.importing import Import
    from studies.study import Study

#: At most this many trials are named in a line.
_MOST_IDS = 10


def place(definition: "Study", name_or_path: str) -> "Store | None":
    """Return the shipped results that a study may take trials from; None if there are none.

    Args:
        definition: the study as it is to run.
        name_or_path: as the user named it.
    """
    from studies.store import shipped
    from studies.study import shipped as shipped_studies

    published = shipped.store(definition.name)
    if published is None or name_or_path in shipped_studies():
        return published
    # A file of one's own may have the name of a shipped study, and be another study.
    hashes = {study.definition_hash for study in published.definitions.all()}
    return published if definition.definition_hash in hashes else None


def take_over(definition: "Study", store: "Store", published: "Store") -> None:
    """Take over the shipped results of a study if they have its definition or trials of it.

    A line says so.

    Raises:
        UserError: the results cannot be read or written.
    """
    from orchestrator import plan
    from studies.store.importing import compared

    found = compared(published, store)
    candidates = plan.check(definition, definition.candidates())
    asked = {trial.trial_id for trial in candidates}.intersection(found.ids)
    hashes = {recorded.study.definition_hash for recorded in found.definitions}
    if not asked and definition.definition_hash not in hashes:
        return
    store.check_writable()
    run(found)
    print(
        f"{definition.name}: {many(len(found.ids), 'finished trial')} taken over from the shipped "
        f"results in {published.uri}",
        file=sys.stderr,
    )
    print_problems(found)


def run(found: "Import") -> None:
    """Take over what was found.

    Raises:
        UserError: it cannot be written.
    """
    try:
        found.run()
    except OSError as error:
        raise UserError(
            f"results {found.target.uri}: cannot be written to ({error.strerror or error}); what "
            "is taken over stays, and the same command goes on"
        ) from None


def print_problems(found: "Import") -> int:
    """Print what could not be taken over, and return the exit code."""
    for line in found.done.left_out(f"{found.source.uri}/"):
        print(line, file=sys.stderr)
    if found.done.conflicts:
        print(
            f"run twice there with different results, the earlier ones count: "
            f"{_listed(found.done.conflicts)}",
            file=sys.stderr,
        )
    if found.conflicts:
        print(
            f"not taken over, since they have other figures here under the same engine and "
            f"versions: {_listed(found.conflicts)}",
            file=sys.stderr,
        )
    return 1 if found.conflicts else 0


def _listed(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return f"{many(len(ids), 'trial')} ({', '.join(ids[:_MOST_IDS])}{more})"
