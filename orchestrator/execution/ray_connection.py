"""Connects a session to a Ray of its own or to a cluster, and checks the cluster's nodes."""

import contextlib
import logging
import os
import platform
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from orchestrator import proxies
from orchestrator.execution import ray_services, ray_tokens
from orchestrator.execution.messages import Resources, RunRequest
from orchestrator.execution.resources import on_cluster
from studies.errors import NO_TEMPORARY_FOLDER, UserError
from studies.store import Store

#: Seconds within which a cluster's head must answer, its nodes must have answered the check (for
#: which they receive this project's code), and a raylet must take a connection.
_ANSWER = 2.0
_CHECK = 120.0
_RAYLET = 2.0
#: Characters of the path of a socket that the system allows, and those of them that Ray needs below
#: the folder that it is given.
_SOCKET = 107 if sys.platform == "linux" else 103
_OF_RAY = len("/ray/session_2026-11-30_12-00-00_000000_1234567/sockets/plasma_store")
#: What a Ray of this machine asks everybody for who connects to it.
_TOKEN = secrets.token_hex(32)
#: Bytes after which Ray begins a log anew; it keeps one older file of each.
_LOG_BYTES = 10_000_000
#: Milliseconds after which a run asks a worker that is silent whether their connection still is
#: one. A worker's side of it may have been given up while the network was away, which the run's
#: side does not learn. Ray's default is five minutes; its servers refuse less than one.
_KEEPALIVE = 65_000
#: Seconds that a Ray of this machine waits for its raylet and for a worker when they start, which
#: on a busy machine may need longer than Ray's own 30 and 60 s. A raylet that dies is noticed at
#: once, a worker only after this time.
_PATIENCE = {
    "RAY_raylet_start_wait_time_s": "600",
    "RAY_worker_register_timeout_seconds": "180",
}
#: What would give every program of a Ray of this machine an environment of its own, which it cannot
#: set up: that of the job that this run is started from, or of a user's function.
_ENVIRONMENTS = ("RAY_JOB_CONFIG_JSON_ENV_VAR", "RAY_RUNTIME_ENV_HOOK")
#: What a worker of a Ray of this machine imports at once.
_PRELOADED = "orchestrator.execution.executors.worker_imports"
#: What must be the same on all nodes for a trial to be the same there.
_PACKAGES = ("ray", "torch")


@contextlib.contextmanager
def connected(request: RunRequest) -> Iterator[Resources]:
    """Connect to Ray, and yield what may be used there; call `configure_ray` first.

    Raises:
        UserError: the cluster cannot be reached, lacks what is asked for, or has a node with other
            versions or one that does not see the results.
    """
    import ray

    try:
        if request.resources is not None:
            _start(request.resources, len(request.todo))
            yield request.resources
        else:
            assert request.address is not None  # noqa: S101  (only a cluster is asked what it has)
            _join(request.address)
            _check_nodes(request.store, request.options.engine)
            totals = ray.cluster_resources()  # type: ignore[no-untyped-call]
            yield on_cluster(request.options, totals)
    finally:
        ray.shutdown()


def _start(resources: Resources, trials: int) -> None:
    """Start a Ray of this machine alone.

    Ray starts a worker per CPU at once, and each imports what it needs for training while the
    session goes on. A worker more than there are trials would do so in vain.
    """
    import ray

    workers = min(resources.workers, trials)
    with ray_services.only_what_is_needed():
        ray.init(
            address="local",  # a cluster file that another program left behind is not ours
            num_cpus=workers,
            num_gpus=resources.gpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(Path(folder()) / "ray"),
            _system_config={
                "preload_python_modules": [_PRELOADED],
                # Otherwise idle workers end once Ray Tune has reserved the CPUs.
                "num_workers_soft_limit": workers,
            },
        )


def words_of_workers(pid: int) -> str:
    """Return the last line that a worker of a Ray of this machine wrote as it started, or "".

    Ray waits for its first workers, and starts others, without end and without a word, in place of
    those that die before they have reported to it: for example, because they cannot import a
    library.

    Args:
        pid: the process that is starting this Ray.
    """
    sessions = sorted(Path(folder()).glob(f"ray/session_*_{pid}"))
    if not sessions:
        return ""
    log = sessions[-1] / "logs" / "raylet.err"  # of the last one: an earlier one had this id, too
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    written = [line.strip() for line in lines if line.strip() and line[0] != "["]  # not Ray's own
    return f"{written[-1][:200]} (see {log})" if written else ""


def folder() -> str:
    """Return the folder that a Ray of this machine puts its files into.

    It is RAY_TMPDIR, or else a temporary one. Its path must be short, since Ray has sockets in it.

    Raises:
        UserError: it cannot be written to, or its path is too long.
    """
    most = _SOCKET - _OF_RAY
    if given := os.environ.get("RAY_TMPDIR"):
        wanted = Path(given).absolute()
        if len(os.fsencode(wanted)) > most:
            raise UserError(
                f"RAY_TMPDIR {given}: too long for the sockets of Ray; set it to a folder whose "
                f"path has at most {most} characters, or unset it"
            )
        there = next(place for place in (wanted, *wanted.parents) if os.access(place, os.F_OK))
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise UserError(f"RAY_TMPDIR {given}: cannot be written to; set it to another folder")
        return str(wanted)
    try:
        temporary = tempfile.gettempdir()
    except FileNotFoundError:
        raise UserError(NO_TEMPORARY_FOLDER) from None
    # The working folder, which is Python's last resort, is not for files that nobody deletes.
    usual = [temporary] if temporary != str(Path.cwd()) else []
    for place in (*usual, "/tmp", "/dev/shm"):  # noqa: S108  (Ray makes a folder of its own in it)
        if len(os.fsencode(place)) <= most and os.access(place, os.W_OK | os.X_OK):
            return place
    raise UserError(
        f"temporary folder {temporary}: not one for the sockets of Ray; set RAY_TMPDIR to a folder "
        f"that can be written to, whose path has at most {most} characters"
    )


def alive(node: str) -> bool:
    """Whether a node of the cluster is alive, by its id.

    The death of its workers is known seconds before its own, so its raylet is asked.
    """
    entry = next((entry for entry in _nodes() if entry["NodeID"] == node), None)
    if entry is None or not entry["Alive"]:
        return False
    try:
        raylet = (entry["NodeManagerAddress"], entry["NodeManagerPort"])
        socket.create_connection(raylet, _RAYLET).close()
    except OSError:
        return False
    return True


def shortage(gpu_fraction: float) -> str:
    """Return what keeps another worker from starting; empty if nothing does.

    Args:
        gpu_fraction: of a GPU that a worker needs beside its CPU.
    """
    import ray

    needs = {"CPU": 1.0, **({"GPU": gpu_fraction} if gpu_fraction else {})}
    each = " and ".join(f"{amount:g} {kind}" for kind, amount in needs.items())
    nodes = [node["Resources"] for node in _nodes() if node["Alive"]]
    if not any(_suffices(node, needs) for node in nodes):
        return f"no node of the cluster has the {each} that it needs; start one that has, or stop"
    free, total = ray.available_resources(), ray.cluster_resources()  # type: ignore[no-untyped-call]
    if _suffices(free, needs):
        return ""
    parts = (f"{free.get(kind, 0):g} of {total.get(kind, 0):g} {kind}s" for kind in needs)
    return f"it needs {each}, and {' and '.join(parts)} are free"


def _suffices(resources: Mapping[str, float], needs: Mapping[str, float]) -> bool:
    return all(resources.get(kind, 0) >= amount for kind, amount in needs.items())


def _nodes() -> list[dict[str, Any]]:
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def check_address(address: str) -> None:
    """Refuse an address that cannot be that of a cluster's head; this needs no Ray.

    Raises:
        UserError: it has another form, or nothing answers there.
    """
    if "://" in address:
        raise UserError(
            f"--address {address}: a run needs HOST:PORT of the cluster's head (such as "
            "HEAD:6379), or auto, on a machine of the cluster; from elsewhere use: untuned submit"
        )
    host, colon, port = address.rpartition(":")
    if address == "auto":
        return
    if not (host and colon and port.isdecimal() and int(port) < 2**16):
        raise UserError(f"--address {address}: give HOST:PORT of the cluster's head, or auto")
    try:
        socket.create_connection((host, int(port)), _ANSWER).close()
    except OSError as error:
        raise UserError(
            f"--address {address}: no Ray cluster answers there ({error}); start one with: ray "
            "start --head"
        ) from None
    ray_tokens.check(address)


def _join(address: str) -> None:
    """Connect to a cluster, and send it this project's code for its workers."""
    import ray

    from orchestrator.execution import code_upload

    check_address(address)
    if address == "auto":
        ray_tokens.check_automatic()
    proxies.bypass(address.rpartition(":")[0].strip("[]"))
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:  # a job that was submitted with the code
            ray.init(address=address, **quiet)
            return
        with code_upload.staged({}) as folder:
            ray.init(address=address, runtime_env={"working_dir": str(folder)}, **quiet)
    except (ConnectionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        if os.environ.get("RAY_AUTH_MODE", "").lower() == "token":
            reason += ", or it rejects the token of this machine"
        raise UserError(
            f"--address {address}: no Ray cluster to join on this machine ({reason}); start one "
            "with: ray start --head, or join one with: ray start --address HEAD:6379"
        ) from None
    except ray.exceptions.AuthenticationError:
        raise UserError(
            f"--address {address}: the cluster requires another token; put {ray_tokens.REMEDY}"
        ) from None
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        raise UserError(f"--address {address}: {' '.join(str(error).split())}") from None


def _check_nodes(store: Store, engine: str) -> None:
    """Ask every node for its versions, and whether it sees the results and has the engine.

    Raises:
        UserError: a node has other versions than this process, lacks the engine, or does not see
            the results.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    token = f"probe-{secrets.token_hex(6)}"
    store.heartbeats.write(token, b"")
    try:
        check = ray.remote(num_cpus=0, max_retries=0)(_report_on_node)
        nodes = {node["NodeID"]: node for node in _nodes() if node["Alive"]}
        checks = {
            check.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
            ).remote(store, token, engine): node
            for node in nodes
        }
        ready, late = ray.wait(list(checks), num_returns=len(checks), timeout=_CHECK)
        for reference in [*ready, *late]:
            _check_node(reference, nodes[checks[reference]], store)
    finally:
        store.heartbeats.remove(token)


def _check_node(reference: Any, node: Mapping[str, Any], store: Store) -> None:
    import ray

    where = f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    try:
        theirs, sees_results, lacking = ray.get(reference, timeout=0.1)
    except ray.exceptions.RayError as error:
        if not alive(node["NodeID"]):
            return  # it has left meanwhile
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{where} cannot run this project: {reason}") from None
    ours = versions()
    for name in ours:
        if ours[name] != theirs[name]:
            raise UserError(
                f"{where} has {name} {theirs[name] or 'not installed'}, here it is {ours[name]}; "
                "all nodes must have the same"
            )
    if lacking:
        raise UserError(f"{where}: {lacking}")
    if not sees_results:
        raise UserError(
            f"results {store.uri}: {where} does not see them; --results must be somewhere that "
            "every node reaches, such as s3://BUCKET/FOLDER or a network folder"
        )


def _report_on_node(store: Store, token: str, engine: str) -> tuple[dict[str, str], bool, str]:
    """On a node: its versions, whether it sees the file in the results, and why not the engine."""
    installed = versions()
    try:
        sees_results = token in store.heartbeats.read_all()
    except UserError:
        sees_results = False
    return installed, sees_results, _missing_engine(engine) if installed["torch"] else ""


def _missing_engine(engine: str) -> str:
    """Why an engine cannot be used here; empty if it can."""
    if engine == "mm":
        return ""
    from trainers import products

    try:
        products.by_name(engine)
    except UserError as error:
        return str(error)
    return ""


def versions() -> dict[str, str]:
    """The public versions of Python (its minor one), Ray and PyTorch; empty where not installed."""
    installed = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            installed[name] = public(version(name))
        except PackageNotFoundError:
            installed[name] = ""
    return installed


def public(version: str) -> str:
    """A version without its local part: 2.14.1+cpu and 2.14.1+cu130 have the same source."""
    return version.partition("+")[0]


def configure_ray(*, own: bool) -> None:
    """Set Ray's environment variables, before Ray is imported; its output is not for the user.

    Args:
        own: whether this process starts a Ray of its own. That one then asks everybody for a
            token, because its ports are open to the network whatever address it is given.
    """
    proxies.bypass()
    try:
        Path.home()
    except RuntimeError:  # this user has none; Ray Tune asks for it when it is imported
        os.environ["HOME"] = tempfile.gettempdir()
    if own:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = _TOKEN  # Ray would write one into the user's home
        os.environ["RAY_grpc_enable_http_proxy"] = "0"  # noqa: SIM112  (none within a machine)
        os.environ.setdefault("RAY_ROTATION_MAX_BYTES", str(_LOG_BYTES))
        os.environ.setdefault("RAY_ROTATION_BACKUP_COUNT", "1")
        for name in _ENVIRONMENTS:
            os.environ.pop(name, None)
        # The stand-ins of `ray_services` end with the raylet by it.
        os.environ["RAY_enable_pipe_based_agent_to_parent_health_check"] = "1"  # noqa: SIM112
        os.environ.setdefault("RAY_enable_metrics_collection", "0")  # nobody asks for them
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
    else:
        os.environ.setdefault("RAY_grpc_client_keepalive_time_ms", str(_KEEPALIVE))
    os.environ.update(
        RAY_AIR_NEW_OUTPUT="0",
        # Under `uv run` Ray would send the working folder to its workers and start each of them by
        # `uv run` again. They start with this process's Python instead; on a cluster every node's
        # versions are compared with ours before anything is trained.
        RAY_ENABLE_UV_RUN_RUNTIME_ENV="0",
        RAY_USAGE_STATS_ENABLED="0",
        TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        TUNE_GLOBAL_CHECKPOINT_S="3600",
        TUNE_MAX_PENDING_TRIALS_PG="16",
        TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S="0",
    )
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name in ("ray.tune", "ray.train"):  # their errors come with tracebacks, and go to our log
        logging.getLogger(name).setLevel(logging.CRITICAL)
