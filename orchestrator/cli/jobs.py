"""`untuned jobs`."""

import os
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from orchestrator.formatting import clock

if TYPE_CHECKING:
    from orchestrator.jobs.client import Job, Jobs

_DEFAULT = "http://127.0.0.1:8265"
#: The cluster that is meant where none is named, before Ray's own variable is set for its client.
_USUAL = os.environ.get("RAY_API_SERVER_ADDRESS") or _DEFAULT

#: Lines of a job's log that are shown.
_LINES = 20

address_option = click.option(
    "--address",
    envvar="RAY_API_SERVER_ADDRESS",
    default=_DEFAULT,
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="Dashboard of the cluster's head.",
)


@click.command(name="jobs")
@click.argument("job", required=False)
@address_option
@click.option("--follow", is_flag=True, help="Show what JOB prints, and exit with its exit code.")
def command(job: str | None, address: str, follow: bool) -> int:
    """Show the studies that were submitted to a cluster, or one of them: JOB."""
    if follow and job is None:
        raise click.UsageError("--follow: name the JOB; `untuned jobs` shows them")
    from orchestrator.jobs.client import Jobs

    there = Jobs(address)
    if job is None:
        _show_all(there.all(), there.address)
        return 0
    found = there.find(job)
    if follow:
        return watch(there, found)
    _show(there, found)
    return 0


def elsewhere(address: str) -> str:
    """The option that names the cluster in a command, where it is needed."""
    return "" if address == _USUAL else f" --address {shlex.quote(address)}"


def watch(there: "Jobs", job: "Job") -> int:
    """Show what a job prints until it ends, say how it ended, and give its exit code.

    Ctrl-C leaves the job going.
    """
    from orchestrator.jobs import following
    from orchestrator.jobs.client import LostError

    more = elsewhere(there.address)
    try:
        ended = following.follow(there, job)
    except KeyboardInterrupt:
        print(
            f"\nuntuned: {job.id} goes on; follow it with: untuned jobs {job.id} --follow{more}; "
            f"stop it with: untuned stop {job.id}{more}",
            file=sys.stderr,
        )
        return 130
    except LostError as error:
        print(
            f"untuned: {error}; the job may go on, look with: untuned jobs {job.id}{more}",
            file=sys.stderr,
        )
        return 1
    if ended is None:
        print(
            f"untuned: {there.address} no longer knows {job.id}, as after a new start of its head; "
            f"what is finished is in {job.results}, go on with: {job.command}",
            file=sys.stderr,
        )
        return 1
    if ended.status != "succeeded":
        print(f"untuned: {ending(ended)}; go on with: {job.command}", file=sys.stderr)
    return ended.exit_code


def ending(job: "Job") -> str:
    """How a job ended, in words."""
    taken = f"{job.id} {job.status} after {_taken(job)}"
    if job.status == "failed" and job.code is None:
        return f"{taken}: {_reason(job)}"
    return f"{taken}, exit code {job.code}" if job.code else taken


def _show_all(found: "Sequence[Job]", address: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if not found:
        print(f"no studies were submitted to {address} since its head was started")
        return
    table = Table("job", "study", "status", "started", "took", "results", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.overflow, column.no_wrap = "fold", column.header not in ("study", "results")
    table.columns[4].justify = "right"
    for job in found:
        started = _clock(job, "%m-%d %H:%M")
        table.add_row(job.id, job.study, job.status, started, _taken(job), job.results)
    Console().print(table)


def _show(there: "Jobs", job: "Job") -> None:
    from orchestrator.jobs import following

    rows = {
        "study": job.study,
        "status": job.status if job.code is None else f"{job.status}, exit code {job.code}",
        "started": f"{_clock(job)}, {'took' if job.over else 'for'} {_taken(job)}",
        "results": job.results,
        "submitted by": f"untuned {job.version}",
        "goes on with": job.command,
    }
    print(job.id)
    for name, value in rows.items():
        print(f"  {name + ':':<14}{value}")
    lines = following.told(there.log(job.id))
    if job.status == "failed" and job.code is None:
        lines.append(_reason(job))
    if lines:
        print(f"it printed{' last' if len(lines) > _LINES else ''}:")
    for line in lines[-_LINES:]:
        print(f"  {line}")


def _clock(job: "Job", form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """When a job started, as on the clocks here."""
    return datetime.fromtimestamp(job.started).strftime(form)


def _taken(job: "Job") -> str:
    """How long it has run."""
    return clock((job.ended or time.time()) - job.started)


def _reason(job: "Job") -> str:
    """The first line of what Ray says of a job that did not come to its own end."""
    return next(iter(job.message.splitlines()), "Ray does not say why")
