"""Looks at a cluster before anything is sent: its Python and the packages that a run needs."""

import json
import secrets
import shlex
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from orchestrator.execution.ray_connection import public
from orchestrator.jobs.client import Job, Jobs
from studies.errors import UserError

#: What a run imports, by the names of the distributions.
NEEDED = (
    "click", "numpy", "pyarrow", "pydantic", "pyyaml", "ray", "rich", "safetensors",
    "scikit-learn", "torch", "torchvision",
)  # fmt: skip
#: Seconds that the probe may take; a cluster with nothing to do takes some 3.
_LIMIT = 120.0
_MARK = "untuned-probe:"

_CODE = f"""\
import json, platform
from importlib.metadata import PackageNotFoundError, version
found = dict(Python=".".join(platform.python_version_tuple()[:2]))
for name in {NEEDED!r}:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print({_MARK!r} + json.dumps(found))
"""


def check(jobs: Jobs, here: Mapping[str, str]) -> None:
    """See that a cluster's head can run what is sent to it.

    A job of a second is the only way to ask that works through the dashboard alone; other nodes
    are looked at by the run itself.

    Args:
        jobs: of the cluster.
        here: the versions of ``Python``, ``ray`` and ``torch`` here; empty where not installed.

    Raises:
        UserError: it has another version, or lacks a package.
    """
    there = _versions(jobs)
    lacking = [name for name in NEEDED if name not in there]
    if lacking:
        raise UserError(
            f"the cluster at {jobs.address} has no {', '.join(lacking)} in its Python "
            f"{there['Python']}; install there, on all nodes: pip install {_wanted(lacking)}; or "
            "start Ray there from the environment that has it"
        )
    for name in here:
        if here[name] and public(there[name]) != public(here[name]):
            raise UserError(
                f"the cluster at {jobs.address} has {name} {there[name]}, here it is {here[name]}; "
                "install the same on both"
            )


def _versions(jobs: Jobs) -> dict[str, str]:
    """The versions of Python and of the needed packages that the cluster's head has.

    Raises:
        UserError: it does not say.
    """
    job_id = f"untuned-probe-{secrets.token_hex(3)}"
    jobs.submit(job_id, f"exec python -c {shlex.quote(_CODE)}", {}, {})
    job = _ended(jobs, job_id)
    log = jobs.log(job_id).splitlines()
    for line in log:
        if line.startswith(_MARK):
            found: dict[str, str] = json.loads(line.removeprefix(_MARK))
            return found
    said = (log or job.message.splitlines() or ["it said nothing"])[-1]
    raise UserError(
        f"the cluster at {jobs.address} could not run `python` ({said.strip()}); start Ray on the "
        "head from an environment with a `python` that has it"
    )


def _ended(jobs: Jobs, job_id: str) -> Job:
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until:
        job = jobs.about(job_id)
        if job is None or job.over:
            break
        time.sleep(0.2)
    else:
        jobs.stop(job_id)
        job = None
    if job is None:
        raise UserError(
            f"the cluster at {jobs.address} has not run a small job within {_LIMIT:.0f} s; look at "
            "its dashboard, and try again"
        )
    return job


def _wanted(packages: Iterable[str]) -> str:
    """What pip is to install for the same versions as here."""
    found = []
    for name in packages:
        try:
            found.append(f"{name}=={public(version(name))}")
        except PackageNotFoundError:
            found.append(name)
    return " ".join(found)
