"""A cluster of hosts that have only a network in common: cut links, lost heads, a wrong clock.

The hosts are namespaces of Linux, see `hosts_support`. Every study here is the same one, whose
trials wait at a gate, and all of its trials have the bits that they have without any cluster.
"""

import json
import subprocess
import time
from pathlib import Path

import pytest
from hosts_support import Hosts, why_not
from tests_support import UNTUNED, Gate, gated_study, science_of, trial_rows, untuned

from studies.store import Store
from studies.store.finished import failed_attempts, finished

# The module's first test starts the cluster, and a cut link takes as long as it does.
pytestmark = pytest.mark.cluster

TRIALS = 6


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The study, trained in one process."""
    folder = tmp_path_factory.mktemp("alone")
    gated_study(folder, TRIALS)
    gate = Gate(folder)
    gate.open()
    answer = untuned("run", "own.yaml", "--executor", "inline", cwd=folder, PYTHONPATH=gate.path)
    assert answer.returncode == 0, answer.stderr
    return folder


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    gate = Gate(tmp_path_factory.mktemp("hosts"))
    with Hosts({"PYTHONPATH": gate.path}) as hosts:
        hosts.gate = gate
        hosts.start_head(hosts.add("head"))
        for name in ("one", "two"):
            hosts.start_node(hosts.add(name))
        yield hosts


@pytest.fixture
def hosts(started):
    """Three hosts that are a cluster, and a gate that is closed."""
    started.mend()
    started.gate.close()
    yield started
    started.gate.open()


@pytest.fixture
def study(hosts, tmp_path):
    return Study(hosts, tmp_path)


class Study:
    """The study with results of its own on S3.

    Attributes:
        results: their URI.
    """

    def __init__(self, hosts, folder):
        self._hosts, self._folder = hosts, folder
        self._path = gated_study(folder, TRIALS)
        self.results = f"s3://results/{folder.name}"

    def command(self, name):
        """`submit`, `run` or `status` of this study, as words of a command line."""
        which = "own" if name == "status" else self._path
        return [*UNTUNED, name, which, "--results", self.results]

    def started(self, host, command, **environment):
        """Start a command on a host, in the background."""
        return Command(self._folder, host, command, environment)

    def submitted(self, *arguments):
        """Submit it from the host `store`."""
        environment = {"RAY_API_SERVER_ADDRESS": self._hosts.dashboard}
        command = [*self.command("submit"), "--workers", 3, *arguments]
        return self.started(self._hosts.store, command, **environment)

    def status(self, **environment):
        """What `status --json` shows on the host `store`."""
        command = [*self.command("status"), "--json"]
        answer = self._hosts.store.run(command, **environment)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def held(self, command):
        """Wait until a trial waits at the gate on each host."""
        command.wait_until(lambda: self._hosts.gate.hosts() >= self._hosts.names)

    def rows(self):
        """All rows of finished trials, those of one trial twice where it was trained twice."""
        self._hosts.fetch(self.results.removeprefix("s3://"), self._folder / "results")
        return trial_rows(self._folder)

    def is_whole(self, alone):
        """Whether each trial is there once, with the bits that it has without a cluster."""
        self.rows()
        store = Store(str(self._folder / "results"), "own")
        done = finished(store)
        assert (len(done.rows), done.conflicts, done.damaged) == (TRIALS, (), ())
        assert not failed_attempts(store)  # no trial's fault
        return science_of(self._folder) == science_of(alone)


class Command:
    """A command on a host, in the background."""

    def __init__(self, folder, host, command, environment):
        self._log = Path(folder) / f"{command[len(UNTUNED)]}-{time.monotonic_ns()}.txt"
        with self._log.open("w") as output:
            options = {"stdout": output, "stderr": subprocess.STDOUT, "environment": environment}
            self._process = host.start(command, **options)

    @property
    def output(self):
        return self._log.read_text()

    def wait(self):
        """Wait for its end, and return its exit code."""
        return self._process.wait()

    def wait_until(self, condition):
        while not condition():
            assert self._process.poll() is None, self.output
            time.sleep(0.2)


def test_a_study_is_run_over_three_hosts(hosts, alone, study):
    job = study.submitted("--follow")
    study.held(job)
    status = hosts.store.run(study.command("status"))
    assert "being run by job untuned-own-" in status.stdout, status.stdout + status.stderr
    assert f" on {hosts.head.name})" in status.stdout
    hosts.gate.open()
    assert job.wait() == 0, job.output
    assert f"{TRIALS} of {TRIALS} trials finished" in job.output
    rows = study.rows().to_pydict()
    assert len(rows["trial_id"]) == len(set(rows["trial_id"])) == TRIALS
    assert set(rows["host"]) == hosts.names
    assert study.is_whole(alone)


@pytest.mark.parametrize("seconds", [5, 40])
@pytest.mark.parametrize("cut", ["node", "head"])
def test_a_link_goes_down_and_comes_back(hosts, alone, study, cut, seconds):
    """Its host's trial ends meanwhile, and cannot be written."""
    job = study.submitted("--follow")
    study.held(job)
    host = hosts.head if cut == "head" else hosts.nodes[0]
    host.unplug()
    hosts.gate.open()
    time.sleep(seconds)  # how long the link is down, whatever happens meanwhile
    host.plug()
    assert job.wait() == 0, job.output
    assert "Traceback" not in job.output
    assert study.is_whole(alone)


def test_a_node_that_is_cut_off_for_good(hosts, alone, study):
    job = study.submitted("--follow")
    study.held(job)
    hosts.nodes[0].unplug()
    hosts.gate.open()
    assert job.wait() == 0, job.output
    assert "Traceback" not in job.output
    assert study.is_whole(alone)


def test_a_clock_that_is_two_hours_off(hosts, alone, study):
    ahead, behind = hosts.clock("+2h"), hosts.clock("-2h")
    wrong = hosts.nodes[-1]
    hosts.restart_node(wrong, **ahead)
    job = study.submitted("--follow")
    study.held(job)
    for clock in ({}, ahead, behind):  # of the machine that asks
        job.wait_until(lambda clock=clock: study.status(**clock)["training"] == 3)
        assert [run["host"] for run in study.status(**clock)["runs"]] == [hosts.head.name]
        second = hosts.store.run([*study.command("run"), "--executor", "inline"], **clock)
        assert second.returncode == 2, second.stderr
        assert "is being run already, by job untuned-own-" in second.stderr
        listed = hosts.untuned("jobs", COLUMNS="200", **clock)
        assert "running" in listed.stdout, listed.stdout + listed.stderr
    hosts.gate.open()
    assert job.wait() == 0, job.output
    rows = study.rows().to_pylist()
    there = [row["finished_at"] for row in rows if row["host"] == wrong.name]
    elsewhere = [row["finished_at"] for row in rows if row["host"] != wrong.name]
    assert (min(there) - max(elsewhere)).total_seconds() > 3600
    assert study.is_whole(alone)
    hosts.restart_node(wrong)


def test_a_head_that_is_cut_off_for_good_is_followed_by_another(hosts, alone, study):
    """Its owners start a head elsewhere, and submit the study again; at last the first is back."""
    lost, nodes = hosts.head, [*hosts.nodes]
    job = study.submitted("--follow")
    study.held(job)
    lost.unplug()
    for node in nodes:
        node.end_all()
    hosts.start_head(hosts.add("spare"))
    for node in nodes:
        hosts.start_node(node)
    hosts.gate.close()
    again = study.submitted("--follow")
    study.held(again)
    hosts.gate.open()
    assert again.wait() == 0, again.output
    assert study.is_whole(alone)
    lost.plug()
    hosts.wait_until(lambda: not lost.runs("orchestrator.cli"))  # it finds nothing left to do
    job.wait()
    assert study.is_whole(alone)
    lost.close()


def test_a_run_goes_on_with_a_head_of_another_address(hosts, alone, study):
    """The head's host is switched off, and another one takes its name."""
    home, other = hosts.nodes
    run = study.started(home, [*study.command("run"), "--address", f"{hosts.head.name}:6379"])
    study.held(run)
    hosts.head.close()
    head = hosts.add(hosts.head.name)
    run.wait_until(lambda: not home.has_ray and not other.has_ray)  # each notices by itself
    hosts.gate.open()
    hosts.start_head(head)
    for node in (home, other):
        hosts.start_node(node)
    assert run.wait() == 0, run.output
    assert "going on with what is left" in run.output
    assert "Traceback" not in run.output
    assert study.is_whole(alone)
