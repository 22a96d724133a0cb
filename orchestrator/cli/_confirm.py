"""Asks before something is deleted for good, and refuses while a run needs it."""

import sys
from typing import TYPE_CHECKING

import click

from studies.errors import UserError

if TYPE_CHECKING:
    from studies.store import Store

yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")


def agreed(question: str, *, yes: bool) -> bool:
    """Return whether the user agrees.

    Args:
        question: what is to be done.
        yes: whether the user agreed already, with --yes.

    Raises:
        UserError: nobody can be asked.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UserError(f"{question} Nobody can be asked here; add --yes")
    return click.confirm(question)


def refuse_while_running(store: "Store") -> None:
    """Refuse to change the results of a study that is being run.

    Raises:
        UserError: a run is alive.
    """
    from orchestrator.execution.heartbeat import LiveRuns

    if runs := LiveRuns(store).certainly():
        raise UserError(f"{store.study} in {store.uri} is being run by {runs[0]}; stop it first")
