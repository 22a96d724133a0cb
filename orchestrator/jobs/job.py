"""A submitted study, whatever runs it, and what a place of such jobs can do."""

from dataclasses import dataclass
from typing import Protocol

from studies.errors import UserError


class LostError(UserError):
    """The cluster does not answer at the moment."""


@dataclass(frozen=True)
class Job:
    """A study that was submitted to a Ray cluster or to Slurm.

    Attributes:
        id: the name by which it is followed and stopped.
        study: the study's name.
        results: the folder or URI of all results.
        version: the version of this project that submitted it.
        command: the command that submitted it, and that continues it.
        status: ``pending``, ``running``, ``succeeded``, ``failed`` or ``stopped``.
        started: seconds since 1970.
        ended: seconds since 1970; None while it runs.
        code: the exit code of the run, if it is known.
        message: what the cluster says about it.
        definition: the hash of the study's definition; empty if it was submitted without one.
    """

    id: str
    study: str
    results: str
    version: str
    command: str
    status: str
    started: float
    ended: float | None
    code: int | None
    message: str
    definition: str = ""

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in ("succeeded", "failed", "stopped")

    @property
    def exit_code(self) -> int:
        """The exit code of a command that follows it; 130, as after Ctrl-C, if it was stopped."""
        if self.status == "stopped":
            return 130
        if self.code is None:
            return int(self.status != "succeeded")
        return self.code if self.code >= 0 else 128 - self.code  # ended by a signal


class JobPlace(Protocol):
    """A Ray cluster or Slurm, where submitted studies run."""

    @property
    def address(self) -> str:
        """How commands name it."""

    def all(self) -> list[Job]:
        """Return the jobs that this project submitted, the newest first."""

    def find(self, job_id: str) -> Job:
        """Return a job that this project submitted."""

    def get(self, job_id: str) -> Job | None:
        """Return a job; None if the place does not know it."""

    def log(self, job_id: str) -> str:
        """Return the output of a job so far; what it returned before is its beginning."""

    def stop(self, job_id: str) -> None:
        """Ask a job to end; the job decides when."""
