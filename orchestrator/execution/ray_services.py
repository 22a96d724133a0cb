"""Starts a Ray of this machine alone with only those of its processes that are needed here.

Ray has no options for that, so methods of it are replaced while it starts. A version of Ray that
names them otherwise starts everything.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

#: The dashboard's server, the autoscaler and the log monitor: nobody uses them here. Each is a
#: process that imports Ray, and `ray.init` waits for the first.
_UNUSED = ("start_api_server", "start_monitor", "start_log_monitor")
#: Versions of Ray whose raylet is known to do without its agents. They report metrics and set up
#: environments, which no trial of a Ray of this machine has. Ray waits for both, for as long as
#: they import Ray; if one needs more than 15 s, the raylet gives up.
_WITHOUT_AGENTS = ("2.60.",)
#: Stands for an agent, since the raylet ends with its agents. Its input ends with the raylet.
_STAND_IN = subprocess.list2cmdline(
    [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.buffer.read()"]
)
#: What the raylet is told instead of its agents' commands, and of their ports, for which it waits
#: unless it knows them: one at which nobody is. The last one it usually learns from its agent.
_INSTEAD = {
    "--dashboard_agent_command": _STAND_IN,
    "--runtime_env_agent_command": _STAND_IN,
    "--metrics-agent-port": "1",
    "--metrics_export_port": "1",
    "--runtime_env_agent_port": "1",
}
_LISTENING = "--dashboard_agent_listen_port=1"
#: Seconds between two looks at whether the raylet lives.
_LOOK = 0.2


@contextlib.contextmanager
def only_what_is_needed() -> Iterator[None]:
    """Have `ray.init` start a Ray without what is not needed, and raise if its raylet dies.

    Raises:
        ChildProcessError: the raylet died as it started, which Ray would not notice.
    """
    import ray
    from ray._private import services
    from ray._private.node import Node

    raylets: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as replaced:
        for name in _UNUSED:
            _replace(replaced, Node, name, lambda _: _do_nothing)
        has_agents = not ray.__version__.startswith(_WITHOUT_AGENTS)
        _replace(
            replaced, services, "start_ray_process", lambda real: _noting(real, raylets, has_agents)
        )
        _replace(replaced, services, "get_node", lambda real: _watching(real, raylets))
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


def _noting(real: Any, raylets: list[subprocess.Popen[bytes]], has_agents: bool) -> Any:
    """Start a process of Ray's, and note it if it is the raylet, which then has no agents."""

    def start(command: Sequence[str], kind: str, *args: Any, **kwargs: Any) -> Any:
        is_raylet = kind == "raylet"
        if is_raylet and not has_agents:
            command = without_agents(command)
        started = real(command, kind, *args, **kwargs)
        if is_raylet:
            raylets.append(started.process)
        return started

    return start


def without_agents(command: Sequence[str]) -> Sequence[str]:
    """Return the raylet's command with stand-ins for its agents; itself if it has another form."""
    words = [(word, word.partition("=")[0]) for word in command]
    if not _INSTEAD.keys() <= {option for _, option in words}:
        return command
    changed = [
        f"{option}={_INSTEAD[option]}" if option in _INSTEAD else word for word, option in words
    ]
    return [*changed, _LISTENING]


def _watching(real: Any, raylets: Sequence[subprocess.Popen[bytes]]) -> Any:
    """Wait until a node is known, as long as its raylet lives."""

    def get_node(*args: Any, **kwargs: Any) -> Any:
        found: list[Any] = []
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                found.append(real(*args, **kwargs))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK)
            for raylet in raylets:
                if thread.is_alive() and raylet.poll() is not None:
                    raise ChildProcessError(
                        f"Ray's raylet ended with code {raylet.returncode} as it started"
                    )
        if errors:
            raise errors[0]
        return found[0]

    return get_node
