"""Processes that are started beside this one."""

import subprocess
import sys

CHILD = """
import signal

def is_blocked():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

def serve(connection, word):
    connection.send((word, is_blocked()))
"""

#: Without a protection by `__name__`, as users write scripts; its process is the first it starts.
SCRIPT = """
from child import is_blocked, serve
from orchestrator.execution import spawned

process, connection = spawned.start(serve, "hello")
print(connection.recv())
process.join()
print(process.exitcode, is_blocked())
"""


def test_ctrl_c_does_not_reach_a_process_and_it_leaves_the_script_alone(tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    (tmp_path / "script.py").write_text(SCRIPT)
    answer = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.stderr) == ("('hello', True)\n0 False\n", "")
