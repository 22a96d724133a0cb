"""The jobs of a cluster, through the HTTP interface of its dashboard."""

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ray.exceptions import AuthenticationError
from ray.job_submission import JobSubmissionClient

from orchestrator import proxies
from orchestrator.execution import ray_tokens
from orchestrator.jobs.job import Job, LostError
from studies.errors import UserError, unknown

#: Seconds for connecting and for an answer: of the first request, and of later ones.
_FIRST, _TIMEOUTS = (5.0, 10.0), (5.0, 60.0)
#: The metadata of a job that this project submitted.
_KEYS = ("study", "results", "version", "command")
#: What the ids of jobs look like, with the study's name.
_OURS = re.compile(r"untuned-(.+)-[0-9a-f]{6}")
#: These loggers of Ray report every upload.
_LOGGERS = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")


class Jobs:
    """The jobs of one cluster.

    Args:
        address: the dashboard's URL.

    Raises:
        UserError: nothing answers, or what answers is not a Ray dashboard that accepts jobs.
    """

    def __init__(self, address: str) -> None:
        self.address = _checked(address)
        proxies.bypass(urlsplit(self.address).hostname or "")
        os.environ["RAY_API_SERVER_ADDRESS"] = (
            self.address
        )  # Ray prefers this variable to its argument
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        self._client = self._connected()

    def submit(
        self,
        job_id: str,
        entrypoint: str,
        runtime_env: Mapping[str, Any],
        metadata: Mapping[str, str],
    ) -> None:
        """Send a job.

        Args:
            job_id: the new job's id.
            entrypoint: its shell command.
            runtime_env: Ray's description of the environment; a folder that it names is uploaded,
                unless the cluster has it already.
            metadata: ``study``, ``results``, ``version``, ``command`` and ``definition``, see
                `Job`; empty for a probe.

        Raises:
            UserError: the cluster rejects the job, or does not answer.
        """
        with self._one_line_errors():
            self._client.submit_job(
                submission_id=job_id,
                entrypoint=entrypoint,
                runtime_env=dict(runtime_env),
                metadata=dict(metadata),
            )

    def all(self) -> list[Job]:
        """Return the jobs that this project submitted, the newest first.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._one_line_errors():
            details = self._client.list_jobs()
        jobs = (_job(job) for job in details if _is_ours(job))
        return sorted(jobs, key=lambda job: -job.started)

    def find(self, job_id: str) -> Job:
        """Return a job that this project submitted.

        Raises:
            UserError: no such job has this id; the message lists close ids.
            LostError: the cluster does not answer.
        """
        jobs = {job.id: job for job in self.all()}
        if job_id not in jobs:
            error = unknown("job", job_id, jobs)
            if ours := _OURS.fullmatch(job_id):
                raise UserError(
                    f"{error}; a head that was restarted has forgotten its jobs, and their results "
                    f"remain: untuned status {ours[1]} --results URI"
                )
            raise error
        return jobs[job_id]

    def get(self, job_id: str) -> Job | None:
        """Return any job; None if the cluster does not know it.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._one_line_errors():
            try:
                return _job(self._client.get_job_info(job_id))
            except RuntimeError as error:
                if "status code 404" in str(error):
                    return None
                raise

    def log(self, job_id: str) -> str:
        """Return the output of a job so far.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._one_line_errors():
            return str(self._client.get_job_logs(job_id))

    def stop(self, job_id: str) -> None:
        """Ask a job to end; the job decides when.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._one_line_errors():
            self._client.stop_job(job_id)

    def _connected(self) -> "_Client":
        """Return a client that has reached a dashboard that accepts jobs."""
        try:
            client = _Client(self.address, headers=_headers())
        except AuthenticationError as error:
            raise self._unauthorised(error) from None
        except (RuntimeError, LookupError, TypeError, ValueError):  # not JSON, or not Ray's
            raise self._not_a_dashboard() from None
        except OSError as error:
            if getattr(error, "response", None) is None:  # no answer at all
                raise self._no_answer() from None
            raise self._not_a_dashboard() from None
        try:
            client.list_jobs()
        except AuthenticationError as error:
            raise self._unauthorised(error) from None
        except (RuntimeError, OSError, ValueError):
            raise UserError(
                f"--address {self.address}: this Ray dashboard accepts no jobs; install "
                "ray[default] on the head and restart it"
            ) from None
        client.timeouts = _TIMEOUTS
        return client

    def _no_answer(self) -> UserError:
        return UserError(
            f"--address {self.address}: no Ray dashboard answers there; start a head with: "
            "ray start --head; to reach it from another machine: "
            "ssh -L 8265:127.0.0.1:8265 HEAD"
        )

    def _not_a_dashboard(self) -> UserError:
        return UserError(
            f"--address {self.address}: this is not a Ray dashboard; give http://HEAD:8265, or "
            "the dashboard's port that `ray start --head` prints"
        )

    def _unauthorised(self, error: Exception) -> UserError:
        if os.environ.get("RAY_AUTH_MODE", "").lower() == "token" and not ray_tokens.has_token():
            return ray_tokens.missing_here()
        problem = "rejects this token" if "failed" in str(error) else "requires a token"
        return UserError(
            f"--address {self.address}: the cluster {problem}; set RAY_AUTH_MODE=token, and put "
            f"{ray_tokens.REMEDY}"
        )

    @contextlib.contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        """Turn errors of the connection into user errors of one line.

        Raises:
            LostError: the cluster does not answer, or reports an error.
            UserError: the cluster rejects the token.
        """
        try:
            yield
        except AuthenticationError as error:
            raise self._unauthorised(error) from None
        except OSError as error:
            raise LostError(f"{self.address} does not answer ({type(error).__name__})") from None
        except RuntimeError as error:
            lines = str(error).strip().splitlines() or ["no reason given"]
            reason = lines[-1] if "Traceback" in lines[0] else lines[0]
            raise LostError(f"{self.address}: {reason[:300]}") from None


class _Client(JobSubmissionClient):
    """Ray's client with timeouts; without them it would wait for ever."""

    timeouts = _FIRST

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
        return super()._do_request(method, endpoint, **{"timeout": self.timeouts, **options})


def _checked(address: str) -> str:
    """Return the URL without a trailing slash.

    Raises:
        UserError: the address is not a URL, or contains a password.
    """
    try:
        parts = urlsplit(address)
        url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise UserError("--address: not a URL; give http://HEAD:8265") from None
    if "@" in address:
        raise UserError(
            "--address: it contains a user or password, which would be printed; remove them and "
            "set RAY_JOB_HEADERS to the HTTP headers that the cluster needs, as JSON"
        )
    if not url:
        host = urlsplit(f"//{address.rpartition('://')[2]}").hostname or "HEAD"
        raise UserError(
            f"--address {address}: not a dashboard's URL; give that of the cluster's head, such as "
            f"http://{host}:8265"
        )
    return address.rstrip("/")


def _headers() -> dict[str, str]:
    """Return the HTTP headers of RAY_JOB_HEADERS, as Ray's own command reads them.

    Raises:
        UserError: they are not a JSON object.
    """
    text = os.environ.get("RAY_JOB_HEADERS")
    if not text:
        return {}
    with contextlib.suppress(ValueError):
        headers = json.loads(text)
        if isinstance(headers, dict):
            return {str(name): str(value) for name, value in headers.items()}
    raise UserError("RAY_JOB_HEADERS: not a JSON object of names and values; correct or unset it")


def _is_ours(details: Any) -> bool:
    return details.submission_id is not None and set(_KEYS) <= set(details.metadata or {})


def _job(details: Any) -> Job:
    """Return a job from Ray's details of it."""
    metadata = {key: (details.metadata or {}).get(key, "") for key in _KEYS}
    return Job(
        id=details.submission_id or details.job_id,
        status=str(details.status.value).lower(),
        started=(details.start_time or 0) / 1000,
        ended=details.end_time / 1000 if details.end_time else None,
        code=details.driver_exit_code,
        message=details.message or "",
        definition=(details.metadata or {}).get("definition", ""),
        **metadata,
    )
