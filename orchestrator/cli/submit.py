"""`untuned submit`."""

import shlex
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

from orchestrator import data_places
from orchestrator.cli import _options, jobs
from studies import sources
from studies.errors import UserError
from studies.seeds import Seeds

if TYPE_CHECKING:
    from orchestrator.jobs.job import JobPlace
    from studies.study import Study
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
@click.option("--slurm", is_flag=True, help="Submit an array of tasks to Slurm instead of Ray.")
@click.option("--tasks", type=int, metavar="N", help="Slurm: number of tasks; each trains alone.")
@click.option("--partition", metavar="NAME", help="Slurm: partition.")
@click.option(
    "--time",
    metavar="TIME",
    help="Slurm: time limit of a task, such as 90 (minutes) or 12:00:00. A task whose time is over "
    "is requeued and continues.",
)
@click.option("--memory", type=float, metavar="GB", help="Slurm: memory of a task.")
@click.option(
    "--slurm-file",
    metavar="FILE",
    help="Slurm: YAML file with these options by name, and cpus, gpus, account, qos, constraint, "
    "setup.",
)
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
    keep_networks: bool,
    follow: bool,
    slurm: bool,
    slurm_file: str | None,
    **given: Any,
) -> int:
    """Run the missing trials of STUDY on a Ray cluster or on Slurm.

    Ray: this project's code is uploaded. The nodes need the packages of the extra `run`, and access
    to the results with credentials from their own environment; the head also needs the data. Slurm
    (--slurm): the nodes need access to this Python environment, the results and the data. To
    continue a study that was stopped, run the same command again.
    """
    from orchestrator import plan
    from studies.study import find

    definition = find(study).override(
        seeds=seeds,
        epochs=epochs,
        data=data_places.named_sources(data),
        keep_networks=keep_networks,
        only=only,
        change=change,
    )
    plan.check_claims(definition)
    plan.check(definition)
    array = {name: given.pop(name) for name in ("tasks", "partition", "time", "memory")}
    again = shlex.join(["untuned", *(word for word in sys.argv[1:] if word != "--follow")])
    if slurm:
        array["gpus"] = given["gpus"]
        cluster, job_id = _submit_to_slurm(
            definition, results, data, again, slurm_file, array, given
        )
    else:
        _refuse_options_of_slurm({**array, "slurm-file": slurm_file})
        cluster, job_id = _submit_to_ray(definition, results, address, data, again, given)
    if not job_id:
        return 0
    option = jobs.address_argument(cluster.address)
    print(f"{definition.name}: submitted to {cluster.address} as {job_id}")
    print(f"follow it with: untuned jobs {job_id} --follow{option}")
    print(f"stop it with: untuned stop {job_id}{option}")
    print(f"after a stop or a failure, continue with: {again}")
    return jobs.watch(cluster, cluster.find(job_id)) if follow else 0


def _refuse_options_of_slurm(options: Mapping[str, Any]) -> None:
    """Refuse options that a Ray cluster does not have.

    Raises:
        UserError: one was given.
    """
    for name, value in options.items():
        if value is not None:
            raise UserError(f"--{name} {value}: it is for Slurm; add --slurm, or leave it out")


def _submit_to_ray(
    definition: "Study",
    results: str,
    address: str,
    data: tuple[str, ...],
    again: str,
    given: dict[str, Any],
) -> "tuple[JobPlace, str]":
    """Send a study to a Ray cluster; return the cluster and the job's id.

    Args:
        definition: the study as it is to be run.
        results: the folder or URI of all results.
        address: the dashboard's URL.
        data: the values of --data.
        again: the command that continues the study.
        given: the options of `untuned run`.
    """
    from orchestrator.jobs import submission

    arguments = [
        *data_places.as_arguments(data, definition.data),
        *_options.as_arguments(given),
    ]
    shared_results = submission.shared(results)
    submission.environment(again, arguments)  # refuses credentials
    from orchestrator.execution.ray_connection import versions
    from orchestrator.jobs import probe
    from orchestrator.jobs.client import Jobs

    cluster = Jobs(address)
    if not given["join"]:
        submission.refuse_second(cluster, definition.name, shared_results)
    probe.check(cluster, versions())
    job_id = submission.submit(cluster, definition, shared_results, arguments, again, _version())
    return cluster, job_id


def _submit_to_slurm(
    definition: "Study",
    results: str,
    data: tuple[str, ...],
    again: str,
    slurm_file: str | None,
    array: dict[str, Any],
    given: dict[str, Any],
) -> "tuple[JobPlace, str]":
    """Send a study to Slurm; return Slurm and the job's id, which is empty if nothing is to do.

    Args:
        definition: the study as it is to be run.
        results: the folder or URI of all results.
        data: the values of --data.
        again: the command that continues the study.
        slurm_file: a file of Slurm's options, or None.
        array: options of Slurm in place of those of the file, or None.
        given: the options of `untuned run`.
    """
    from orchestrator import running, tuning
    from orchestrator.execution import resources
    from orchestrator.execution.messages import RunOptions
    from orchestrator.jobs import slurm
    from orchestrator.jobs.slurm_options import SlurmOptions
    from studies.store import Store

    asked = SlurmOptions.of(slurm_file, array)
    wide = results if "://" in results else str(sources.expanded(results).absolute())
    options = {name: value for name, value in given.items() if name not in ("engine", "hours")}
    how = running.HowToRun(
        data=data, engine=given["engine"], options={**options, "executor": "inline", "join": True}
    )
    resources.refuse_more_than_one(RunOptions(**how.options), "ask for several --tasks")
    store = Store(wide, definition.name)
    resolved = tuning.resolved(definition, store)
    run = running.prepared(resolved, [store], how)
    if not run.planned.todo and not resolved.is_tuned:
        count = len(run.planned.trials)
        print(f"{definition.name}: nothing to do, all {count} trials are finished")
        return slurm.SlurmJobs(), ""
    # All tasks, on whatever nodes, compute with the engine that is chosen here.
    chosen = {**given, "engine": run.options.engine, "join": False}
    if asked.gpus:
        chosen["device"] = "cuda"
    arguments = [
        *("--results", wide),
        *data_places.as_arguments(data, definition.data),
        *_options.as_arguments(chosen),
    ]
    record = {"results": wide, "version": _version(), "command": again}
    job, _ = slurm.submit(definition, arguments, asked, record)
    return slurm.SlurmJobs(), job.id


def _version() -> str:
    """Return the version of this project, with its commit."""
    from orchestrator.execution import code_upload
    from orchestrator.formatting import short_commit

    try:
        release = version("untuned")
    except PackageNotFoundError:
        release = "not installed"
    commit = code_upload.commit()
    return f"{release} ({short_commit(commit)})" if commit else release
