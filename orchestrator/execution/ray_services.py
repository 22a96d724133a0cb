"""Starts a Ray of this machine alone with only those of its processes that are needed here.

Ray has no options for that, so some of its functions are replaced while it starts. A version of Ray
that names them otherwise starts everything.
"""

import atexit
import contextlib
import functools
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import Any

#: The dashboard's server, the autoscaler and the log monitor: nobody uses them here. Each is a
#: process that imports Ray, and `ray.init` waits for the first.
_UNUSED = ("start_api_server", "start_monitor", "start_log_monitor")
#: Versions of Ray whose raylet is known to do without its agents. They report metrics and set up
#: environments, and no trial of a Ray of this machine has one of its own. The raylet waits for both
#: as long as they import Ray; if one needs more than 15 s, it dies.
_VERSIONS_WITHOUT_AGENTS = ("2.60.",)
#: Stands for an agent, since the raylet ends with its agents. Its input ends with the raylet.
_STAND_IN = [sys.executable, "-S", "-c", "import sys; sys.stdin.buffer.read()"]
#: The raylet's options with the agents' commands, and those with their ports, for which it waits
#: unless it is told them.
_COMMANDS = ("--dashboard_agent_command", "--runtime_env_agent_command")
_PORTS = ("--metrics-agent-port", "--metrics_export_port", "--runtime_env_agent_port")
#: Another port, which the raylet otherwise learns from its agent.
_FURTHER_PORT = "--dashboard_agent_listen_port"
#: The processes of Ray without which no node comes.
_NEEDED = ("gcs_server", "raylet")
#: Seconds between two looks at whether they live.
_LOOK = 0.2


@contextlib.contextmanager
def only_what_is_needed() -> Iterator[None]:
    """Have `ray.init` start a Ray without what is not needed, and raise if it dies meanwhile.

    Raises:
        ChildProcessError: a process of Ray's died as it started, for which Ray would wait on.
    """
    import ray
    from ray._private import services
    from ray._private.node import Node

    needed: list[tuple[str, subprocess.Popen[bytes]]] = []
    spares = ray.__version__.startswith(_VERSIONS_WITHOUT_AGENTS)
    change = _without_agents if spares else list
    with contextlib.ExitStack() as replaced:
        for name in _UNUSED:
            _replace(replaced, Node, name, lambda _: _do_nothing)
        _replace(replaced, services, "start_ray_process", lambda r: _noting(r, needed, change))
        _replace(replaced, services, "get_node", lambda real: _watching(real, needed))
        yield


def _replace(
    replaced: contextlib.ExitStack, owner: Any, name: str, make: Callable[[Any], Any]
) -> None:
    """Replace a function of Ray's, if there is one of this name, until the stack is closed."""
    if hasattr(owner, name):
        before = getattr(owner, name)
        setattr(owner, name, make(before))
        replaced.callback(setattr, owner, name, before)


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    """Stand for a method of Ray's that is not needed."""


def _noting(
    real: Callable[..., Any],
    needed: list[tuple[str, subprocess.Popen[bytes]]],
    change: Callable[[Sequence[str]], list[str]],
) -> Callable[..., Any]:
    """Return a `start_ray_process` that notes what is needed, and changes the raylet's command."""

    def start(command: Sequence[str], process_type: str, *args: Any, **kwargs: Any) -> Any:
        if process_type == "raylet":
            command = change(command)
        started = real(command, process_type, *args, **kwargs)
        if process_type in _NEEDED:
            needed.append((process_type, started.process))
        return started

    return start


def _without_agents(command: Sequence[str]) -> list[str]:
    """Return a raylet's command with stand-ins for its agents; itself if it has another form."""
    words = [(word, word.partition("=")[0]) for word in command]
    if not {*_COMMANDS, *_PORTS} <= {option for _, option in words}:
        return list(command)
    instead = dict.fromkeys(_COMMANDS, subprocess.list2cmdline(_STAND_IN))
    instead |= dict.fromkeys(_PORTS, str(_nobodys_port()))
    changed = [f"{name}={instead[name]}" if name in instead else word for word, name in words]
    return [*changed, f"{_FURTHER_PORT}={_nobodys_port()}"]


@functools.cache
def _nobodys_port() -> int:
    """Return a port at which nobody can listen as long as this process lives.

    Ray sends its token to whoever answers there.
    """
    taken = socket.socket()
    taken.bind(("", 0))  # but it does not listen
    atexit.register(taken.close)
    return int(taken.getsockname()[1])


def _watching(
    real: Callable[..., Any], needed: Sequence[tuple[str, subprocess.Popen[bytes]]]
) -> Callable[..., Any]:
    """Return a `get_node` that waits for a node only as long as the processes of Ray live."""

    def get_node(*args: Any, **kwargs: Any) -> Any:
        answer: Future[Any] = Future()

        def ask() -> None:
            try:
                answer.set_result(real(*args, **kwargs))
            except Exception as error:
                answer.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()  # perhaps it never comes back
        while not wait([answer], _LOOK).done:
            for name, process in needed:
                if process.poll() is not None:
                    raise ChildProcessError(
                        f"Ray's {name} ended with code {process.returncode} as it started"
                    )
        return answer.result()

    return get_node
