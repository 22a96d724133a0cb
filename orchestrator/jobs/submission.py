"""Sends a study to a cluster, with the command that runs it and its environment."""

import os
import re
import secrets
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from orchestrator.execution import code_upload, heartbeat
from orchestrator.execution.live_runs import LiveRuns
from studies import sources, strict_yaml
from studies.errors import UserError
from studies.store import Store, filesystems
from studies.study import Study

if TYPE_CHECKING:
    from orchestrator.jobs.client import Jobs

#: Seconds that a job may take to end when it is stopped, before it is killed.
STOP_SECONDS = 60

#: Environment variables that are passed on. Never credentials: the nodes have their own.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
_PASSED_ON = ("AWS_REGION", "AWS_DEFAULT_REGION", *_ENDPOINTS)
#: Passed on if the run logs to MLflow.
_TRACKING = "MLFLOW_TRACKING_URI"


def submit(
    jobs: "Jobs", study: Study, results: str, options: Sequence[str], command: str, version: str
) -> str:
    """Send a study with this project's code.

    Args:
        jobs: the cluster's jobs.
        study: the study to run, with absolute sources of its data.
        results: the folder or URI of all results, as `shared` returns it.
        options: the options of `untuned run`.
        command: the command that continues the study, for messages.
        version: the version of this project.

    Returns:
        The job's id.

    Raises:
        UserError: the cluster rejects the job, or does not answer.
    """
    name = f"{study.name}.yaml"
    job_id = f"untuned-{study.name}-{secrets.token_hex(3)}"
    metadata = {"study": study.name, "results": results, "version": version, "command": command}
    metadata["definition"] = study.definition_hash
    variables = environment(command, options) | {heartbeat.JOB: job_id}
    text = strict_yaml.dump(study.definition())
    with code_upload.staged({name: text}) as folder:
        jobs.submit(
            job_id,
            entrypoint(name, results, options),
            {"working_dir": str(folder), "env_vars": variables},
            metadata,
        )
    return job_id


def refuse_second(jobs: "Jobs", study: str, results: str) -> None:
    """Refuse to submit a study that a job of the cluster, or a run that is seen from here, has.

    Heartbeats are looked for where the results are a folder of this machine as well. Those in an
    object store are left to the job, which has the credentials.

    Args:
        jobs: the cluster's jobs.
        study: the study's name.
        results: the folder or URI of all results, as `shared` returns it.

    Raises:
        UserError: it is being run.
    """
    others = [job for job in jobs.all() if (job.study, job.results) == (study, results)]
    if job := next((job for job in others if not job.over), None):
        raise UserError(
            f"{study} in {results} is being run already, by job {job.id} ({job.status}); add "
            "--join to work on it together, wait for that job's end, or stop it with: untuned stop "
            f"{job.id}"
        )
    if results.startswith(("/", "file:")):
        store = Store(results, study)
        try:
            runs = LiveRuns(store).certainly()
        except UserError:  # the nodes may read it nevertheless
            runs = []
        if runs:
            raise heartbeat.already_run_by(store, runs[0])


def entrypoint(name: str, results: str, options: Sequence[str]) -> str:
    """Return the shell command that runs a study file.

    It replaces the shell, so that it receives signals and its exit code is that of the job.
    """
    command = ["python", "-m", "orchestrator.cli", "run", name, "--address", "auto"]
    return f"exec {shlex.join([*command, '--results', results, *options])}"


def environment(command: str, options: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment variables of the job and its workers.

    Args:
        command: the command that continues the study, for messages.
        options: the options of `untuned run`.

    Raises:
        UserError: an endpoint contains credentials.
    """
    tracking = (_TRACKING,) if "mlflow" in options else ()
    names = (*_PASSED_ON, *tracking)
    passed_on = {name: os.environ[name] for name in names if os.environ.get(name)}
    for name in (*_ENDPOINTS, *tracking):
        if "@" in passed_on.get(name, ""):
            raise UserError(
                f"{name} contains a user or password, which would be sent and shown; remove them: "
                "the nodes have their own credentials"
            )
    commit = code_upload.commit()
    return {
        "RAY_JOB_STOP_SIGNAL": "SIGINT",
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS),
        "OMP_NUM_THREADS": "1",  # the nodes may have been started with another value
        code_upload.COMMAND: command,
        **({code_upload.COMMIT: commit} if commit else {}),
        **passed_on,
    }


def shared(results: str) -> str:
    """Return the folder or URI of the results in a form that means the same on all nodes.

    Raises:
        UserError: there is no such form, or the URI contains credentials.
    """
    filesystems.check(results)
    scheme, mark, _ = results.partition("://")
    if mark and scheme.lower() in filesystems.KINDS:
        spelt = filesystems.canonical(results)
        return spelt if "://" in spelt else f"file://{quote(spelt)}"
    path = sources.expanded(results) if re.match(r"~(/|$)", results) else Path(results)
    if mark or not path.is_absolute():
        raise UserError(
            f"--results {results}: give a URI such as s3://BUCKET/FOLDER, or an absolute path that "
            "all nodes of the cluster reach"
        )
    return str(path)
