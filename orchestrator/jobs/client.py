"""The jobs of a cluster, through the HTTP interface of its dashboard."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ray.exceptions import AuthenticationError
from ray.job_submission import JobSubmissionClient

from studies.errors import UserError, unknown

#: Seconds for a connection and for an answer, for the first one and later.
_FIRST, _TIMEOUTS = (5.0, 10.0), (5.0, 60.0)
#: What a job of ours carries in its metadata.
_KEYS = ("study", "results", "version", "command")
#: Ray tells of every upload.
_LOGGERS = ("ray.dashboard.modules.dashboard_sdk", "ray._private.runtime_env.packaging")


class LostError(UserError):
    """The cluster does not answer, at least not now."""


@dataclass(frozen=True)
class Job:
    """A study that was submitted.

    Attributes:
        id: by which it is followed and stopped.
        study: the study's name.
        results: where they go.
        version: of this project, that submitted it.
        command: that submitted it, and goes on with it.
        status: ``pending``, ``running``, ``succeeded``, ``failed`` or ``stopped``.
        started: seconds since 1970.
        ended: seconds since 1970, None while it runs.
        code: the exit code of the run, where Ray knows it.
        message: what Ray says of it.
    """

    id: str
    study: str
    results: str
    version: str
    command: str
    status: str
    started: float
    ended: float | None
    code: int | None
    message: str

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in ("succeeded", "failed", "stopped")

    @property
    def exit_code(self) -> int:
        """What a command that follows it exits with; 130, as after Ctrl-C, if it was stopped."""
        if self.status == "stopped":
            return 130
        if self.code is None:
            return int(self.status != "succeeded")
        return self.code if self.code >= 0 else 128 - self.code  # ended by a signal


class Jobs:
    """The jobs of one cluster.

    Args:
        address: the dashboard's URL.

    Raises:
        UserError: nothing answers there, or not a Ray dashboard that takes jobs.
    """

    def __init__(self, address: str) -> None:
        self.address = _checked(address)
        os.environ["RAY_API_SERVER_ADDRESS"] = self.address  # Ray prefers it to what it is given
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
            job_id: of the job; a new one.
            entrypoint: the shell command.
            runtime_env: Ray's, with a folder that is uploaded unless it has been before.
            metadata: of one of ours: ``study``, ``results``, ``version``, ``command``.

        Raises:
            UserError: the cluster does not take it, or does not answer.
        """
        with self._told():
            self._client.submit_job(
                submission_id=job_id,
                entrypoint=entrypoint,
                runtime_env=dict(runtime_env),
                metadata=dict(metadata),
            )

    def all(self) -> list[Job]:
        """Our jobs, the newest first.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._told():
            found = self._client.list_jobs()
        return sorted(
            (_job(about) for about in found if _ours(about)), key=lambda job: -job.started
        )

    def find(self, job_id: str) -> Job:
        """A job of ours.

        Raises:
            UserError: there is none of that id; the close ones are named.
            LostError: the cluster does not answer.
        """
        there = {job.id: job for job in self.all()}
        if job_id not in there:
            raise unknown("job", job_id, there)
        return there[job_id]

    def about(self, job_id: str) -> Job | None:
        """Any job, None if the cluster does not know it.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._told():
            try:
                return _job(self._client.get_job_info(job_id))
            except RuntimeError as error:
                if "status code 404" in str(error):
                    return None
                raise

    def log(self, job_id: str) -> str:
        """What a job has printed so far.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._told():
            return str(self._client.get_job_logs(job_id))

    def stop(self, job_id: str) -> None:
        """Ask a job to end; it is up to the job how long that takes.

        Raises:
            LostError: the cluster does not answer.
        """
        with self._told():
            self._client.stop_job(job_id)

    def _connected(self) -> "_Client":
        try:
            client = _Client(self.address, headers=_headers())
        except AuthenticationError as error:
            raise self._unauthorised(error) from None
        except (RuntimeError, LookupError, TypeError, ValueError):  # no JSON, or not Ray's
            raise self._foreign() from None
        except OSError as error:
            if getattr(error, "response", None) is None:  # no answer at all
                raise self._silent() from None
            raise self._foreign() from None
        try:
            client.list_jobs()
        except AuthenticationError as error:
            raise self._unauthorised(error) from None
        except (RuntimeError, OSError, ValueError):
            raise UserError(
                f"--address {self.address}: this Ray dashboard takes no jobs; install ray[default] "
                "on the head and start it anew"
            ) from None
        client.timeouts = _TIMEOUTS
        return client

    def _silent(self) -> UserError:
        return UserError(
            f"--address {self.address}: no Ray dashboard answers there; start a head with: "
            "ray start --head, and from another machine reach it through: "
            "ssh -L 8265:127.0.0.1:8265 HEAD"
        )

    def _foreign(self) -> UserError:
        return UserError(
            f"--address {self.address}: what answers there is no Ray dashboard; give "
            "http://HEAD:8265, or the port that `ray start --head` names for the dashboard"
        )

    def _unauthorised(self, error: Exception) -> UserError:
        wrong = "does not take this token" if "failed" in str(error) else "wants a token"
        return UserError(
            f"--address {self.address}: the cluster {wrong}; set RAY_AUTH_MODE=token, and its "
            "token in RAY_AUTH_TOKEN or ~/.ray/auth_token (`ray get-auth-token` on the head)"
        )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the connection in a line of ours."""
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
    """Ray's client, which would wait for ever."""

    timeouts = _FIRST

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
        return super()._do_request(method, endpoint, **{"timeout": self.timeouts, **options})


def _checked(address: str) -> str:
    """The URL without its last slash.

    Raises:
        UserError: it is none, or has a password in it.
    """
    try:
        parts = urlsplit(address)
        url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise UserError("--address: this is no URL; give http://HEAD:8265") from None
    if "@" in address:
        raise UserError(
            "--address: it has a user or a password in it, which would be printed; leave them out "
            "and set RAY_JOB_HEADERS to the HTTP headers that the cluster wants, as JSON"
        )
    if not url:
        host = urlsplit(f"//{address.rpartition('://')[2]}").hostname or "HEAD"
        raise UserError(
            f"--address {address}: jobs go to the dashboard of the cluster's head, such as "
            f"http://{host}:8265"
        )
    return address.rstrip("/")


def _headers() -> dict[str, str]:
    """The HTTP headers of RAY_JOB_HEADERS, as Ray's own command reads them.

    Raises:
        UserError: they are not a mapping in JSON.
    """
    given = os.environ.get("RAY_JOB_HEADERS")
    if not given:
        return {}
    with contextlib.suppress(ValueError):
        headers = json.loads(given)
        if isinstance(headers, dict):
            return {str(name): str(value) for name, value in headers.items()}
    raise UserError("RAY_JOB_HEADERS is no JSON object of names and values; correct or unset it")


def _ours(about: Any) -> bool:
    return about.submission_id is not None and set(_KEYS) <= set(about.metadata or {})


def _job(about: Any) -> Job:
    known = {key: (about.metadata or {}).get(key, "") for key in _KEYS}
    return Job(
        id=about.submission_id or about.job_id,
        status=str(about.status.value).lower(),
        started=(about.start_time or 0) / 1000,
        ended=about.end_time / 1000 if about.end_time else None,
        code=about.driver_exit_code,
        message=about.message or "",
        **known,
    )
