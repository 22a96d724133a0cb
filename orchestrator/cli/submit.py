"""`untuned submit`."""

import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

from orchestrator import data_places
from orchestrator.cli import _options, jobs
from studies.seeds import Seeds

if TYPE_CHECKING:
    from studies.trial import Value


@click.command(name="submit")
@_options.study_argument
@jobs.address_option
@click.option(
    "--results",
    required=True,
    metavar="URI",
    help="Folder of all results, which all nodes must reach: a URI such as s3://BUCKET/FOLDER, or "
    "an absolute path.",
)
@_options.data_option
@_options.extent_options
@_options.running_options
@click.option(
    "--follow", is_flag=True, help="Print the output of the job and exit with its exit code."
)
def command(
    study: str,
    address: str,
    results: str,
    data: tuple[str, ...],
    seeds: Seeds | None,
    epochs: int | None,
    only: "dict[str, list[Value]]",
    change: "dict[str, list[Value]]",
    follow: bool,
    **passed: Any,
) -> int:
    """Run the missing trials of STUDY as a job on a Ray cluster.

    This project's code is uploaded. The nodes need the packages of the extra `run`, and access to
    the results with their own credentials; the head also needs the data. To continue a study that
    was stopped, run the same command again.
    """
    from orchestrator import plan
    from orchestrator.jobs import submission
    from studies.study import find

    definition = find(study).override(
        seeds=seeds,
        epochs=epochs,
        data=data_places.named_sources(data),
        only=only,
        change=change,
    )
    plan.check(definition)
    shared_results = submission.shared(results)
    options = [*data_places.as_arguments(data, definition.data), *_options.as_arguments(passed)]
    again = shlex.join(["untuned", *(word for word in sys.argv[1:] if word != "--follow")])
    submission.environment(again)  # refuses credentials
    from orchestrator.execution.ray_connection import versions
    from orchestrator.jobs import probe
    from orchestrator.jobs.client import Jobs

    cluster = Jobs(address)
    probe.check(cluster, versions())
    job_id = submission.submit(cluster, definition, shared_results, options, again, _version())
    option = jobs.address_argument(cluster.address)
    print(f"{definition.name}: submitted to {cluster.address} as {job_id}")
    print(f"follow it with: untuned jobs {job_id} --follow{option}")
    print(f"stop it with: untuned stop {job_id}{option}")
    print(f"after a stop or a failure, continue with: {again}")
    return jobs.watch(cluster, cluster.find(job_id)) if follow else 0


def _version() -> str:
    """Return the version of this project, with its commit."""
    from orchestrator.execution import code_upload

    try:
        release = version("untuned")
    except PackageNotFoundError:
        release = "not installed"
    commit = code_upload.commit()
    return f"{release} ({commit[:12]})" if commit else release
