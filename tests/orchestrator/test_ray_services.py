"""What a Ray of this machine is started with; `test_run` looks at one that has run."""

import subprocess
import sys
import threading

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


def test_the_raylet_waits_for_no_agent():
    changed = ray_services.without_agents(RAYLET)
    assert changed[:5] == [
        "/ray/raylet",
        "--node_id=1",
        "--metrics-agent-port=1",
        "--metrics_export_port=1",
        "--runtime_env_agent_port=1",
    ]
    assert [word.partition("=")[0] for word in changed[5:]] == [
        "--dashboard_agent_command",
        "--runtime_env_agent_command",
        "--dashboard_agent_listen_port",
    ]
    assert not [word for word in changed if ".py" in word]


@pytest.mark.parametrize("missing", range(2, len(RAYLET)))
def test_a_command_of_another_form_stays_as_it_is(missing):
    other = [*RAYLET[:missing], *RAYLET[missing + 1 :]]
    assert ray_services.without_agents(other) == other


def test_a_stand_in_lives_as_long_as_the_raylet():
    command = ray_services._STAND_IN
    with subprocess.Popen(command, shell=True, stdin=subprocess.PIPE) as stand_in:
        assert stand_in.poll() is None
        stand_in.stdin.close()
        assert stand_in.wait() == 0


def test_a_raylet_that_dies_as_it_starts_is_noticed():
    """Ray itself goes on waiting for it."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    never = threading.Event()
    asked = ray_services._watching(lambda *_: never.wait(), [ended])
    with pytest.raises(ChildProcessError, match="raylet ended with code 3 as it started"):
        asked("address", "node")
    never.set()


def test_what_ray_says_of_a_node_is_passed_on():
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as raylet:
        asked = ray_services._watching(lambda *words: {"node": words}, [raylet])
        assert asked("address", "id") == {"node": ("address", "id")}

        def unknown(*_):
            raise RuntimeError("not yet")

        with pytest.raises(RuntimeError, match="not yet"):
            ray_services._watching(unknown, [raylet])()
        raylet.stdin.close()
