"""A session with an executor of another kind: it knows nothing of Ray, and gives the same bits."""

import os
import subprocess
import sys

from tests_support import science_of, write_study

#: An executor that trains in this process, and a session with it.
RUN = """
import contextlib, sys
from pathlib import Path

from orchestrator import plan
from orchestrator.execution import executors
from orchestrator.execution.messages import Phase, PhaseReached, Resources, RunOptions, RunNamed
from orchestrator.execution.messages import RunRequest, SessionResult, WorkerConfig
from orchestrator.execution.session import run_session
from orchestrator.execution.stop_signal import StopSignal
from orchestrator.execution.worker import Worker
from studies.store import Store
from studies.study import read
from trainers.datasets import Place


class InThisProcess:
    resources = Resources(1)

    def __init__(self, request):
        self.request = request

    def share(self, data):
        self.data = data

    def alive(self, node):
        return True

    def trial(self, index):
        return self.trials[index]

    def dataset(self, name):
        return self.data[name]

    def train(self, work):
        self.trials, request = work.trials, self.request
        config = WorkerConfig(request.store, request.options, self.resources, keep_masks=True)
        worker, number = Worker(config, self), 0
        while (item := work.scheduler.next_item(str(number))) is not None:
            worker.take(item)
            while not (report := worker.step()).done:
                work.scheduler.note(str(number), report)
                work.monitor.note(str(number), report)
            work.monitor.note(str(number), report)
            work.scheduler.end(str(number), report)
            number += 1
        assert work.scheduler.ended
        worker.close()
        return None


executors.connect = lambda request: contextlib.nullcontext(InThisProcess(request))
study = read(Path("own.yaml"))
store = Store("results", study.name)
planned = plan.make([study], store)
request = RunRequest(
    study=study,
    store=store,
    todo=planned.todo,
    need_masks=planned.demand.need_masks,
    data={"digits": Place("digits", Path())},
    fingerprints={},
    options=RunOptions(),
)
if __name__ == "__main__":
    messages = []
    assert run_session(request, StopSignal(), messages.append) == SessionResult()
    connected, named, training = messages
    assert connected == PhaseReached(Phase.CONNECTED)
    assert isinstance(named, RunNamed) and named.run
    assert training == PhaseReached(Phase.TRAINING)
    assert planned.reread(store).todo == []
    assert "ray" not in sys.modules
"""


def test_a_session_trains_with_any_executor_to_the_same_bits(place, tmp_path):
    write_study(tmp_path)
    (tmp_path / "run.py").write_text(RUN)
    answer = subprocess.run(
        [sys.executable, "run.py"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert science_of(tmp_path) == science_of(place)
