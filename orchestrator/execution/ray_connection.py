"""Connects a session to a Ray of its own or to a cluster, and looks at the cluster's nodes."""

import contextlib
import logging
import os
import platform
import secrets
import socket
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from orchestrator.execution.resources import Resources
from studies.errors import UserError
from studies.store import Store

if TYPE_CHECKING:
    from orchestrator.execution.session import RunRequest

#: Seconds within which a cluster's head must answer, its nodes must have looked around (having
#: received this project's code), and a raylet must take a connection.
_ANSWER = 5.0
_LOOK = 120.0
_RAYLET = 2.0
#: What must be the same on all nodes for a trial to be the same there.
_PACKAGES = ("ray", "torch")


@contextlib.contextmanager
def connected(asked: "RunRequest") -> Iterator[Resources]:
    """A connection to Ray, and what may be used there; see `quieten`.

    Raises:
        UserError: the cluster cannot be reached, lacks what is asked for, or has a node with other
            versions or without sight of the results.
    """
    import ray

    try:
        if isinstance(asked.resources, Resources):
            ray.init(
                address="local",  # a cluster file that another program left behind is not ours
                num_cpus=asked.resources.workers,
                num_gpus=asked.resources.gpus,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _node_ip_address="127.0.0.1",
            )
            yield asked.resources
        else:
            assert asked.address is not None  # noqa: S101  (what is wanted is wanted of a cluster)
            _join(asked.address)
            _check_nodes(asked.store)
            yield asked.resources.on_cluster(ray.cluster_resources())  # type: ignore[no-untyped-call]
    finally:
        ray.shutdown()


def alive(node: str) -> bool:
    """Whether a node of the cluster is, by its id.

    Its workers' death is known seconds before its own, so its raylet is asked.
    """
    about = next((about for about in _nodes() if about["NodeID"] == node), None)
    if about is None or not about["Alive"]:
        return False
    try:
        raylet = (about["NodeManagerAddress"], about["NodeManagerPort"])
        socket.create_connection(raylet, _RAYLET).close()
    except OSError:
        return False
    return True


def _nodes() -> list[dict[str, Any]]:
    import ray

    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return found


def check_address(address: str) -> None:
    """See that an address is one of a cluster's head.

    Raises:
        UserError: it is of another kind.
    """
    if "://" in address:
        raise UserError(
            f"--address {address}: a run needs HOST:PORT of the cluster's head (such as "
            "HEAD:6379), or auto, on a machine of the cluster; from elsewhere use: untuned submit"
        )
    host, colon, port = address.rpartition(":")
    if address != "auto" and not (host and colon and port.isdecimal()):
        raise UserError(f"--address {address}: give HOST:PORT of the cluster's head, or auto")


def _join(address: str) -> None:
    """Connect to a cluster, with this project's code for its workers."""
    import ray

    from orchestrator.execution import code_upload

    if address != "auto":
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _ANSWER).close()
        except OSError as error:
            raise UserError(
                f"--address {address}: no Ray cluster answers there ({error}); start one with: ray "
                "start --head"
            ) from None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:  # a job that was submitted with the code
            ray.init(address=address, **quiet)
            return
        with code_upload.staged({}) as folder:
            ray.init(address=address, runtime_env={"working_dir": str(folder)}, **quiet)
    except (ConnectionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--address {address}: no Ray cluster to join on this machine ({reason}); start one "
            "with: ray start --head, or join one with: ray start --address HEAD:6379"
        ) from None
    except ray.exceptions.AuthenticationError:
        raise UserError(
            f"--address {address}: the cluster asks for a token; set RAY_AUTH_MODE=token, and "
            "RAY_AUTH_TOKEN to the cluster's"
        ) from None
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        raise UserError(f"--address {address}: {' '.join(str(error).split())}") from None


def _check_nodes(store: Store) -> None:
    """Have every node tell its versions and whether it sees the results.

    Raises:
        UserError: a node has others than this process has, or does not see them.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    token = f"probe-{secrets.token_hex(6)}"
    store.heartbeats.write(token, b"")
    try:
        look = ray.remote(num_cpus=0, max_retries=0)(_look)
        nodes = {node["NodeID"]: node for node in _nodes() if node["Alive"]}
        asked = {
            look.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
            ).remote(store, token): node
            for node in nodes
        }
        ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=_LOOK)
        for reference in [*ready, *late]:
            _check_node(reference, nodes[asked[reference]], store)
    finally:
        store.heartbeats.remove(token)


def _check_node(reference: Any, node: Mapping[str, Any], store: Store) -> None:
    import ray

    where = f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    try:
        there, sees = ray.get(reference, timeout=0.1)
    except ray.exceptions.RayError as error:
        if not alive(node["NodeID"]):
            return  # it has left meanwhile
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{where} cannot run this project: {reason}") from None
    here = versions()
    for name in here:
        if here[name] != there[name]:
            raise UserError(
                f"{where} has {name} {there[name] or 'not installed'}, here it is {here[name]}; "
                "all nodes must have the same"
            )
    if not sees:
        raise UserError(
            f"results {store.uri}: {where} does not see them; --results must be somewhere that "
            "every node reaches, such as s3://BUCKET/FOLDER or a network folder"
        )


def _look(store: Store, token: str) -> tuple[dict[str, str], bool]:
    """On a node: its versions, and whether it sees what was put beside the results."""
    try:
        return versions(), token in store.heartbeats.read_all()
    except UserError:
        return versions(), False


def versions() -> dict[str, str]:
    """The public versions of Python (its minor one), Ray and PyTorch; empty where not installed."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            found[name] = public(version(name))
        except PackageNotFoundError:
            found[name] = ""
    return found


def public(version: str) -> str:
    """A version without its local part: 2.14.1+cpu and 2.14.1+cu130 are built of one source."""
    return version.partition("+")[0]


def quieten(*, own: bool) -> None:
    """Make Ray's settings for a program with an output of its own, before Ray is imported.

    Args:
        own: whether it starts a Ray of its own, which then asks everybody for a token: its ports
            are open to the network, whatever the address that it is given.
    """
    if own:
        os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.update(
        RAY_AIR_NEW_OUTPUT="0",
        # Under `uv run` Ray would send the working folder to its workers and start each of them by
        # `uv run` again. They start with this process's Python instead; on a cluster every node's
        # versions are compared with ours before anything is trained.
        RAY_ENABLE_UV_RUN_RUNTIME_ENV="0",
        RAY_USAGE_STATS_ENABLED="0",
        RAY_prestart_worker_first_driver="0",  # Tune's actors are started anew
        TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        TUNE_GLOBAL_CHECKPOINT_S="3600",
        TUNE_MAX_PENDING_TRIALS_PG="16",
        TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S="0",
    )
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name in ("ray.tune", "ray.train"):  # their errors come with tracebacks, and go to our log
        logging.getLogger(name).setLevel(logging.CRITICAL)
