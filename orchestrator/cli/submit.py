"""`untuned submit`."""

import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from orchestrator.cli import _data, _options, jobs


@click.command(name="submit")
@_options.study_argument
@jobs.address_option
@click.option(
    "--results",
    required=True,
    metavar="URI",
    help="Results that all nodes reach: a URI such as s3://BUCKET/FOLDER, or an absolute path.",
)
@_options.data_option
@_options.extent_options
@_options.running_options
@click.option("--follow", is_flag=True, help="Show what it prints, and exit with its exit code.")
def command(
    study: str,
    address: str,
    results: str,
    data: tuple[str, ...],
    seeds: int | None,
    epochs: int | None,
    follow: bool,
    **passed: Any,
) -> int:
    """Run what is missing of STUDY on a Ray cluster, as a job of it.

    This project's code goes with it; the nodes need the packages of the extra `run`, access to the
    results, with credentials of their own, and the head needs the data. The same command goes on
    with a study that was stopped.
    """
    from orchestrator import plan
    from orchestrator.jobs import submission
    from studies.study import find

    asked = find(study).override(seeds=seeds, epochs=epochs, data=_data.named_sources(data))
    plan.check(asked)
    place = submission.shared(results)
    options = [*_data.as_arguments(data, asked.data), *_options.as_arguments(passed)]
    again = shlex.join(["untuned", *(a for a in sys.argv[1:] if a != "--follow")])
    submission.environment(again)  # refuses what must not be sent
    from orchestrator.execution.ray_connection import versions
    from orchestrator.jobs import probe
    from orchestrator.jobs.client import Jobs

    there = Jobs(address)
    probe.check(there, versions())
    job_id = submission.submit(there, asked, place, options, again, _version())
    where = jobs.elsewhere(there.address)
    print(f"{asked.name}: submitted to {there.address} as {job_id}")
    print(f"follow it with: untuned jobs {job_id} --follow{where}")
    print(f"stop it with: untuned stop {job_id}{where}")
    print(f"after a stop or a failure go on with: {again}")
    return jobs.watch(there, there.find(job_id)) if follow else 0


def _version() -> str:
    """Of this project, with its commit."""
    from orchestrator.execution import code_upload

    try:
        release = version("untuned")
    except PackageNotFoundError:
        release = "not installed"
    commit = code_upload.commit()
    return f"{release} ({commit[:12]})" if commit else release
