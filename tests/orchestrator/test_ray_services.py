"""What a Ray of this machine is started with; `test_run` looks at one that has run."""

import select
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from orchestrator.execution import ray_services

RAYLET = [
    "/ray/raylet",
    "--node_id=1",
    "--metrics-agent-port=0",
    "--metrics_export_port=0",
    "--runtime_env_agent_port=0",
    "--dashboard_agent_command=python agent.py --listen-port=0",
    "--runtime_env_agent_command=python main.py",
]
WAITING = [sys.executable, "-S", "-c", "input()"]


def test_the_raylet_waits_for_no_agent():
    changed = dict(word.partition("=")[::2] for word in ray_services._without_agents(RAYLET)[1:])
    ports = {name: value for name, value in changed.items() if name.endswith("port")}
    assert set(ports) == {
        "--metrics-agent-port",
        "--metrics_export_port",
        "--runtime_env_agent_port",
        "--dashboard_agent_listen_port",
    }
    (port,) = set(ports.values())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", int(port)))
    assert changed["--node_id"] == "1"
    for agent in ("--dashboard_agent_command", "--runtime_env_agent_command"):
        assert changed[agent].startswith(sys.executable)
        assert ".py" not in changed[agent]


@pytest.mark.parametrize("missing", range(2, len(RAYLET)))
def test_a_command_of_another_form_stays_as_it_is(missing):
    other = [*RAYLET[:missing], *RAYLET[missing + 1 :]]
    assert ray_services._without_agents(other) == other


def test_a_stand_in_lives_as_long_as_the_raylet():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(ray_services._STAND_IN, **pipes) as stand_in:
        assert select.select([stand_in.stdout], [], [], 1.0)[0] == []  # it has not ended
        stand_in.stdin.close()
        assert stand_in.wait() == 0


def test_only_the_raylets_command_is_changed_and_what_is_needed_is_noted():
    needed, commands = [], []

    def real(command, process_type, fate_share):
        commands.append((process_type, command, fate_share))
        return SimpleNamespace(process=f"process of {process_type}")

    start = ray_services._noting(real, needed, lambda command: [*command, "changed"])
    for kind in ("gcs_server", "log_monitor"):
        assert start(["one"], kind, fate_share=True).process == f"process of {kind}"
    start(["one"], process_type="raylet", fate_share=False)
    assert commands == [
        ("gcs_server", ["one"], True),
        ("log_monitor", ["one"], True),
        ("raylet", ["one", "changed"], False),
    ]
    assert needed == [(kind, f"process of {kind}") for kind in ("gcs_server", "raylet")]


def test_a_function_is_replaced_for_a_while_and_only_if_there_is_one():
    owner = SimpleNamespace(start=lambda: "before")
    with ExitStack() as replaced:
        ray_services._replace(replaced, owner, "start", lambda real: lambda: f"after {real()}")
        ray_services._replace(replaced, owner, "other", lambda real: real)
        assert owner.start() == "after before"
    assert owner.start() == "before"
    assert not hasattr(owner, "other")


def test_a_raylet_that_dies_as_it_starts_is_noticed():
    """Ray itself goes on waiting for it."""
    never = threading.Event()
    with (
        subprocess.Popen(WAITING, stdin=subprocess.PIPE) as lives,
        subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(3)"]) as ends,
    ):
        needed = [("gcs_server", lives), ("raylet", ends)]
        with pytest.raises(ChildProcessError, match="raylet ended with code 3 as it started"):
            ray_services._watching(lambda *_: never.wait(60), needed)("address", "node")
        never.set()
        lives.communicate(b"\n")


def test_what_ray_says_of_a_node_is_passed_on():
    def unknown(*_):
        raise RuntimeError("not yet")

    with subprocess.Popen(WAITING, stdin=subprocess.PIPE) as raylet:
        needed = [("raylet", raylet)]
        asked = ray_services._watching(lambda *words: {"node": words}, needed)
        assert asked("address", "id") == {"node": ("address", "id")}
        with pytest.raises(RuntimeError, match="not yet"):
            ray_services._watching(unknown, needed)()
        raylet.communicate(b"\n")
