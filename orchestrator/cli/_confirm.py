"""Asks before something is deleted for good, and refuses while a run needs it."""

import sys
from typing import TYPE_CHECKING

import click

from studies.errors import UserError

if TYPE_CHECKING:
    from studies.store import Store

yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")


def agreed(store: "Store", question: str, *, yes: bool) -> bool:
    """Return whether the user agrees to change results; if not, a line says that nothing was done.

    Args:
        store: the results, which no run may be using.
        question: what is to be done.
        yes: whether the user agreed already, with --yes.

    Raises:
        UserError: a run is alive, or nobody can be asked.
    """
    from orchestrator.execution.live_runs import LiveRuns

    if runs := LiveRuns(store).certainly():
        raise UserError(f"{store.study} in {store.uri} is being run by {runs[0]}; stop it first")
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UserError(f"{question} Nobody can be asked here; add --yes")
    if click.confirm(question):
        return True
    print("nothing was changed")
    return False
