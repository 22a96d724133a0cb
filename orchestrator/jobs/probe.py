"""Checks a cluster before anything is sent: its Python, and the packages that a run needs."""

import json
import secrets
import shlex
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from orchestrator.execution.ray_connection import public
from orchestrator.jobs.client import Jobs
from orchestrator.jobs.job import Job
from studies.errors import UserError

#: The distributions that a run imports.
NEEDED = (
    "click", "numpy", "pyarrow", "pydantic", "pyyaml", "ray", "rich", "safetensors",
    "scikit-learn", "torch", "torchvision",
)  # fmt: skip
#: Seconds that the probe may take; an idle cluster takes about 3.
_LIMIT = 120.0
_MARK = "untuned-probe:"

_CODE = f"""\
import json, platform
from importlib.metadata import PackageNotFoundError, version
versions = dict(Python=".".join(platform.python_version_tuple()[:2]))
for name in {NEEDED!r}:
    try:
        versions[name] = version(name)
    except PackageNotFoundError:
        pass
print({_MARK!r} + json.dumps(versions))
"""


def check(jobs: Jobs, local_versions: Mapping[str, str]) -> None:
    """Check that a cluster's head can run what is sent to it.

    The check is a job of about a second, which needs no more than the dashboard. The run itself
    checks the other nodes.

    Args:
        jobs: the cluster's jobs.
        local_versions: the versions of ``Python``, ``ray`` and ``torch`` on this machine; empty
            if not installed.

    Raises:
        UserError: the cluster lacks a package, or has another version of one.
    """
    versions = _versions(jobs)
    lacking = [name for name in NEEDED if name not in versions]
    if lacking:
        raise UserError(
            f"the cluster at {jobs.address} has no {', '.join(lacking)} in its Python "
            f"{versions['Python']}; run on all nodes: pip install {_requirements(lacking)}; or "
            "start Ray from an environment that has them"
        )
    for name, local in local_versions.items():
        if local and public(versions[name]) != public(local):
            raise UserError(
                f"the cluster at {jobs.address} has {name} {versions[name]}, this machine has "
                f"{local}; install the same version on both"
            )


def _versions(jobs: Jobs) -> dict[str, str]:
    """Return the versions of Python and of the needed packages on the cluster's head.

    Raises:
        UserError: the head could not run the probe.
    """
    job_id = f"untuned-probe-{secrets.token_hex(3)}"
    jobs.submit(job_id, f"exec python -c {shlex.quote(_CODE)}", {}, {})
    job = _ended(jobs, job_id)
    log = jobs.log(job_id).splitlines()
    for line in log:
        if line.startswith(_MARK):
            versions: dict[str, str] = json.loads(line.removeprefix(_MARK))
            return versions
    last_line = (log or job.message.splitlines() or ["no output"])[-1]
    raise UserError(
        f"the cluster at {jobs.address} could not run `python` ({last_line.strip()}); start Ray on "
        "the head from an environment that has Ray and `python`"
    )


def _ended(jobs: Jobs, job_id: str) -> Job:
    """Wait until a job has ended and return it.

    Raises:
        UserError: the job has not ended in time, or the cluster has forgotten it.
    """
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until:
        job = jobs.get(job_id)
        if job is None or job.over:
            break
        time.sleep(0.2)
    else:
        jobs.stop(job_id)
        job = None
    if job is None:
        raise UserError(
            f"the cluster at {jobs.address} has not run a small job within {_LIMIT:.0f} s; see its "
            "dashboard and try again"
        )
    return job


def _requirements(packages: Iterable[str]) -> str:
    """Return the arguments with which pip installs the same versions as on this machine."""
    requirements = []
    for name in packages:
        try:
            requirements.append(f"{name}=={public(version(name))}")
        except PackageNotFoundError:
            requirements.append(name)
    return " ".join(requirements)
