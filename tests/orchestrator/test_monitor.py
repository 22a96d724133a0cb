"""What the monitor of a round tells the user."""

import pytest

from orchestrator.execution import monitor
from orchestrator.execution.loggers import Destination, Loggers
from orchestrator.execution.monitor import Monitor
from orchestrator.execution.stop_signal import StopSignal
from orchestrator.execution.throughput import Throughput


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(monitor.time, "monotonic", lambda: now[0])
    return now


def test_a_run_that_gets_no_worker_says_once_what_is_lacking(clock, tmp_path, capsys):
    nobody = Loggers([], Destination("own", tmp_path), [])
    monitor = Monitor("own", Throughput([]), None, StopSignal(), nobody, fail_fast=False)
    for clock[0] in range(0, 20):
        monitor.note_workers(0, lambda: "it needs 1 CPU")
    monitor.note_workers(1, lambda: "it needs 1 CPU")  # one has started
    for clock[0] in range(20, 41):
        monitor.note_workers(0, lambda: "it needs 1 CPU")
    assert capsys.readouterr().err == ""
    for clock[0] in range(41, 200):
        monitor.note_workers(0, lambda: "it needs 1 CPU" if clock[0] > 70 else "")
    assert capsys.readouterr().err == "own: waiting for a worker: it needs 1 CPU\n"
