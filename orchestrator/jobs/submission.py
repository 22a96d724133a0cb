"""What is sent to a cluster: the study, the command that runs it, and the environment."""

import os
import re
import secrets
import shlex
from collections.abc import Sequence
from pathlib import Path

from orchestrator.execution import code_upload
from orchestrator.jobs.client import Jobs
from studies import strict_yaml
from studies.errors import UserError
from studies.store import filesystems
from studies.study import Study

#: Seconds that a job may take to end when it is stopped, before it is killed.
STOP_SECONDS = 60

#: Where results lie for all nodes alike: what pyarrow opens.
_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs", "file")
#: What of the environment here is handed on. Never credentials: nodes have their own.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
_HANDED_ON = ("RAY_AUTH_MODE", "AWS_REGION", "AWS_DEFAULT_REGION", *_ENDPOINTS)


def submit(
    jobs: Jobs, study: Study, results: str, options: Sequence[str], command: str, version: str
) -> str:
    """Send a study with this project's code.

    Args:
        jobs: of the cluster.
        study: as it is to be run, with absolute sources of its data.
        results: as `shared` gives it.
        options: of `untuned run`.
        command: that goes on with it, to be named.
        version: of this project.

    Returns:
        The job's id.

    Raises:
        UserError: the cluster does not take it.
    """
    name = f"{study.name}.yaml"
    job_id = f"untuned-{study.name}-{secrets.token_hex(3)}"
    metadata = {"study": study.name, "results": results, "version": version, "command": command}
    text = strict_yaml.dump(study.definition())
    with code_upload.staged({name: text}) as folder:
        jobs.submit(
            job_id,
            entrypoint(name, results, options),
            {"working_dir": str(folder), "env_vars": environment(command)},
            metadata,
        )
    return job_id


def entrypoint(name: str, results: str, options: Sequence[str]) -> str:
    """The shell command that runs a study file.

    It takes the shell's place, so that a signal reaches it and its exit code is the job's.
    """
    command = ["python", "-m", "orchestrator.cli", "run", name, "--address", "auto"]
    return f"exec {shlex.join([*command, '--results', results, *options])}"


def environment(command: str) -> dict[str, str]:
    """The environment of the job and of its workers.

    Raises:
        UserError: an endpoint here has credentials in it.
    """
    handed = {name: os.environ[name] for name in _HANDED_ON if os.environ.get(name)}
    for name in _ENDPOINTS:
        if "@" in handed.get(name, ""):
            raise UserError(
                f"{name} has a user or a password in it, which would be sent and shown; take them "
                "out: nodes have credentials of their own"
            )
    commit = code_upload.commit()
    return {
        "RAY_JOB_STOP_SIGNAL": "SIGINT",
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS),
        "OMP_NUM_THREADS": "1",  # whatever the nodes were started with
        code_upload.COMMAND: command,
        **({code_upload.COMMIT: commit} if commit else {}),
        **handed,
    }


def shared(results: str) -> str:
    """Where the results go, in a form that means the same on all nodes.

    Raises:
        UserError: it does not, or it has credentials in it.
    """
    filesystems.check(results)
    scheme, mark, _ = results.partition("://")
    if mark and scheme in _SCHEMES:
        return results
    path = Path(results).expanduser() if re.match(r"~(/|$)", results) else Path(results)
    if mark or not path.is_absolute():
        raise UserError(
            f"--results {results}: give a URI such as s3://BUCKET/FOLDER, or an absolute path that "
            "all nodes of the cluster reach"
        )
    return str(path)
