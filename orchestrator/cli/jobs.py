"""`untuned jobs`."""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from orchestrator.formatting import clock

if TYPE_CHECKING:
    from orchestrator.jobs.job import Job, JobPlace

_DEFAULT = "http://127.0.0.1:8265"
#: The cluster of a command without --address; read before `Jobs` sets Ray's variable.
_DEFAULT_HERE = os.environ.get("RAY_API_SERVER_ADDRESS") or _DEFAULT

#: This many lines of a job's log are shown.
_LINES = 20

address_option = click.option(
    "--address",
    envvar="RAY_API_SERVER_ADDRESS",
    default=_DEFAULT,
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="URL of the dashboard on the cluster's head.",
)


@click.command(name="jobs")
@click.argument("job", required=False)
@address_option
@click.option("--slurm", is_flag=True, help="Show the jobs that you submitted to Slurm.")
@click.option("--follow", is_flag=True, help="Print the output of JOB and exit with its exit code.")
def command(job: str | None, address: str, slurm: bool, follow: bool) -> int:
    """Show the jobs that were submitted to a cluster, or one JOB."""
    if follow and job is None:
        raise click.UsageError("--follow: give a JOB; `untuned jobs` lists them")
    from orchestrator.jobs.judging import judged

    cluster = place_of("slurm-" if slurm else job or "", address)
    if job is None:
        _show_all([judged(one) for one in cluster.all()], cluster.address)
        return 0
    if follow:
        return watch(cluster, cluster.find(job))
    reported = cluster.find(job)
    found = judged(reported)
    _show(cluster, found, is_lost=found is not reported)
    return 0


def place_of(job: str, address: str) -> "JobPlace":
    """Return where a job is: Slurm, which its id tells, or the Ray cluster at an address.

    Raises:
        UserError: no Ray cluster answers.
    """
    if job.startswith("slurm-"):
        from orchestrator.jobs.slurm import SlurmJobs

        return SlurmJobs()
    from orchestrator.jobs.client import Jobs

    return Jobs(address)


def address_argument(address: str) -> str:
    """Return the option that names a cluster in a command; empty for the default one and Slurm."""
    return "" if address in (_DEFAULT_HERE, "slurm") else f" --address {shlex.quote(address)}"


def watch(cluster: "JobPlace", job: "Job") -> int:
    """Print a job's output until it ends, then how it ended; return its exit code.

    After Ctrl-C the job continues.
    """
    from orchestrator.jobs import following
    from orchestrator.jobs.job import LostError
    from orchestrator.jobs.judging import judged

    option = address_argument(cluster.address)
    try:
        ended = following.follow(cluster, job)
    except KeyboardInterrupt:
        print(
            f"\nuntuned: {job.id} continues; follow it with: untuned jobs {job.id} "
            f"--follow{option}; stop it with: untuned stop {job.id}{option}",
            file=sys.stderr,
        )
        return 130
    except LostError as error:
        print(
            f"untuned: {error}; the job may continue, check with: untuned jobs {job.id}{option}",
            file=sys.stderr,
        )
        return 1
    reported = ended or replace(job, status="failed", code=None, message="")
    found = judged(reported)
    if ended is None:
        print(
            f"untuned: {cluster.address} no longer knows {job.id}; its head was probably "
            f"restarted; finished trials are in {job.results}",
            file=sys.stderr,
        )
    if not found.over:
        print(
            f"untuned: {job.id}: {found.message}; see: untuned status {job.study} --results "
            f"{shlex.quote(job.results)}",
            file=sys.stderr,
        )
        return 1
    if found is not reported and found.status == "succeeded":
        print(f"untuned: {job.id}: {found.message}", file=sys.stderr)
    if found.status != "succeeded":
        print(f"untuned: {ending(found)}; continue with: {job.command}", file=sys.stderr)
    return found.exit_code


def ending(job: "Job") -> str:
    """Return a text on how a job ended."""
    text = f"{job.id} {job.status} after {_duration(job)}"
    if job.status == "failed" and job.code is None:
        return f"{text}: {_reason(job)}"
    return f"{text}, exit code {job.code}" if job.code else text


def _show_all(jobs: "Sequence[Job]", address: str) -> None:
    """Print a row per job."""
    from orchestrator import text_tables

    if not jobs:
        print(f"no jobs were submitted to {_name(address)}")
        return
    rows = [
        (j.id, j.study, j.status, _clock(j, "%m-%d %H:%M"), _duration(j), j.results) for j in jobs
    ]
    headings = ("job", "study", "status", "started", "took", "results")
    text_tables.show(headings, rows, right=("took",))


def _name(address: str) -> str:
    return "Slurm from this account" if address == "slurm" else f"{address} since its head started"


def _show(cluster: "JobPlace", job: "Job", *, is_lost: bool) -> None:
    """Print what a job is and the end of its output.

    Args:
        cluster: where it is.
        job: the job.
        is_lost: whether its results say what became of it, and not the cluster.
    """
    from rich.console import Console

    from orchestrator import text_tables
    from orchestrator.jobs import following

    rows = {
        "study": job.study,
        "status": job.status if job.code is None else f"{job.status}, exit code {job.code}",
        "started": f"{_clock(job)}, {'took' if job.over else 'for'} {_duration(job)}",
        "results": job.results,
        "submitted by": f"untuned {job.version}",
        "command": job.command,
    }
    print(job.id)
    print(*text_tables.pairs(rows, Console().width), sep="\n")
    lines = following.summary(cluster.log(job.id))
    if is_lost or (job.status == "failed" and job.code is None):
        lines.append(_reason(job))
    if lines:
        print("last lines of its output:" if len(lines) > _LINES else "its output:")
    for line in lines[-_LINES:]:
        print(f"  {line}")


def _clock(job: "Job", form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return when a job started, in local time."""
    return datetime.fromtimestamp(job.started).strftime(form)


def _duration(job: "Job") -> str:
    """Return how long a job has run."""
    return clock((job.ended or time.time()) - job.started)


def _reason(job: "Job") -> str:
    """Return the first line of the message on a job without an exit code."""
    return next(iter(job.message.splitlines()), "no reason is known")
