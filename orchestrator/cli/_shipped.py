"""Takes over what the shipped results have of a study, before it is run or registered."""

import sys
from typing import TYPE_CHECKING

from orchestrator.formatting import many

if TYPE_CHECKING:
    from studies.store import Store
    from studies.study import Study


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
    from orchestrator.cli.import_ import print_problems, run
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
