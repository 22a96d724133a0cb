"""Runs a command of the user's after a run has ended."""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from studies.errors import UserError

if TYPE_CHECKING:
    from orchestrator.running import Ended
    from studies.store import Store
    from studies.study import Study

option = click.option(
    "--on-end",
    callback=lambda context, parameter, value: None if value is None else words(value),
    metavar="CMD",
    help="Run this command after the run has ended, however it ended. It is split into words as "
    "in a shell, but runs without one; variables such as UNTUNED_STUDY and UNTUNED_EXIT_CODE "
    "describe the run.",
)


@dataclass(frozen=True)
class Counts:
    """How many trials of a study are finished, failed and planned."""

    finished: int
    failed: int
    planned: int

    @classmethod
    def of(cls, ended: "Ended") -> "Counts":
        """The counts of a run that has ended."""
        if ended.outcome is None:
            return cls(ended.planned, 0, ended.planned)
        return cls(ended.outcome.finished, len(ended.outcome.failed), ended.outcome.planned)

    @classmethod
    def read(cls, requested: "Study", store: "Store") -> "Counts":
        """The counts in the results of a run that crashed."""
        from orchestrator import plan, tuning

        planned = plan.make([tuning.resolved(requested, store)], store)
        total, left = len(planned.trials), len(planned.todo)
        return cls(total - left, len(planned.failures(store)), total)


def words(command: str) -> list[str]:
    """Split a command as a shell does, without its expansions.

    Raises:
        UserError: a quotation is not closed, or there is no such program.
    """
    try:
        split = shlex.split(command)
    except ValueError as error:
        raise UserError(f"--on-end {command}: {error}; close the quotation") from None
    if not split or shutil.which(split[0]) is None:
        raise UserError(
            f"--on-end {command}: there is no program {split[0] if split else command!r}; for "
            "pipes and variables give sh -c '...'"
        )
    return split


def run(command: list[str], store: "Store", counts: Counts, code: int) -> None:
    """Run the command and print its exit code, which changes nothing.

    Args:
        command: its words.
        store: the results of the study that was run.
        counts: the study's trials.
        code: the exit code of this command.
    """
    variables = {
        "UNTUNED_STUDY": store.study,
        "UNTUNED_RESULTS": store.uri,
        "UNTUNED_FINISHED": str(counts.finished),
        "UNTUNED_FAILED": str(counts.failed),
        "UNTUNED_PLANNED": str(counts.planned),
        "UNTUNED_EXIT_CODE": str(code),
    }
    sys.stdout.flush()
    try:
        ended = subprocess.run(command, env=os.environ | variables, check=False)  # noqa: S603
    except OSError as error:
        how = f"could not be started: {error.strerror}"
    except KeyboardInterrupt:
        how = "was interrupted"
    else:
        how = f"ended with exit code {ended.returncode}"
    print(f"--on-end {shlex.join(command)}: {how}", file=sys.stderr)
