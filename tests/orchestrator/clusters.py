"""Real Ray clusters on loopback, several beside each other and beside other programs.

    from clusters import Cluster

    with Cluster(cpus=0) as cluster:           # the head, whose dashboard takes jobs
        first = cluster.add_node(cpus=1)       # further raylets on this machine
        second = cluster.add_node(cpus=1)
        cluster.address                        # HOST:PORT for ray.init() or --address
        cluster.dashboard                      # http://127.0.0.1:PORT for Ray Jobs
        cluster.environment                    # os.environ with which clients reach it
        cluster.kill_node(first)               # SIGKILL to its raylet; its workers follow
        cluster.restart_head()                 # the same ports; it has forgotten jobs and nodes

or the fixture `cluster`, a head without CPUs and two nodes with one each, which a module shares
(`from clusters import cluster  # noqa: F401`). A head takes some 7 s to start and a node 4, on two
cores. Ports, sockets and logs (`node.log`) are a cluster's own, and what it started is found by its
session and by a mark in its environment, so that nothing else is ever ended. Ray turns 127.0.0.1
into the machine's own address; both reach the cluster. A job's `python` is this one.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from tests_support import Gate

_MARK = "UNTUNED_TEST_NODE"
_LOOPBACK = "127.0.0.1"


class Node:
    """A raylet and what belongs to it, started by `ray start --block`.

    Attributes:
        name: its mark in the environment of all its processes.
        process: of `ray start`.
        log: what that printed.
    """

    def __init__(self, name, arguments, environment, log):
        self.name, self.log = name, log
        command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                env=environment | {_MARK: name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def processes(self, program=""):
        """The numbers of its processes, or of those that run a program of this name.

        They are those of the session that was started, and those with its mark: an agent's title
        overwrites its environment, and a job has a session of its own.
        """
        mark, found = f"{_MARK}={self.name}\0".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                named = (entry / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
                session = (entry / "stat").read_text().rpartition(")")[2].split()[3]
                own = int(session) == self.process.pid or mark in (entry / "environ").read_bytes()
            except OSError:
                continue
            if own and named and program in ("", Path(named).name):
                found.append(int(entry.name))
        return found

    def end(self):
        """End all its processes, by force, and wait until they are gone."""
        while found := self.processes():
            for pid in found:
                _kill(pid)
            self.process.poll()
            time.sleep(0.1)
        self.process.wait()


def ray_settings():
    """The environment variables that the nodes and clients of every cluster here need."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # a job's `python`
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "120",
        "PYTHONWARNINGS": "ignore",
    }


class Cluster:
    """A cluster of this machine alone.

    Attributes:
        address: of the GCS, HOST:PORT.
        dashboard: its URL.
        nodes: the further nodes that were started and not killed.
    """

    def __init__(self, cpus=0, gpus=0, variables=None):
        """Start the head.

        Args:
            cpus: of the head; with 0 it trains nothing.
            gpus: that the head says it has.
            variables: environment variables for all nodes.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="rc-", dir="/tmp"))  # sockets need short paths
        self._variables, self._cpus, self._gpus = variables or {}, cpus, gpus
        gcs, dashboard, *others = free_ports(6)
        self.address, self.dashboard = f"{_LOOPBACK}:{gcs}", f"http://{_LOOPBACK}:{dashboard}"
        self.nodes, self._killed = [], []
        self._ports = [gcs, dashboard, *others]
        try:
            self._start_head()
        except BaseException:
            self.close()
            raise

    @property
    def environment(self):
        """The environment of clients and nodes: this one's without anything of another cluster."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", _MARK))}
        return inherited | ray_settings() | self._variables

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def add_node(self, cpus=1, gpus=0, variables=None):
        """Start one more raylet, and wait until the cluster knows it.

        Args:
            cpus: that it offers.
            gpus: that it says it has.
            variables: environment variables of this node alone.
        """
        number = len(list(self._folder.glob("*.log")))
        known = self.alive()
        common = self._common(cpus, gpus, free_ports(4))
        node = Node(
            f"{self._folder.name}-{number}-{uuid.uuid4().hex[:6]}",
            # A folder of its own: raylets that share one unpack a job's code over each other.
            [f"--address={self.address}", f"--temp-dir={self._folder / str(number)}", *common],
            self.environment | (variables or {}),
            self._folder / f"node-{number}.log",
        )
        self.nodes.append(node)
        self._wait(lambda: self.alive() - known, node)
        return node

    def kill_node(self, node):
        """Kill a node's raylet; its workers and agents notice and end by themselves."""
        for pid in node.processes("raylet"):
            _kill(pid)
        if node in self.nodes:
            self.nodes.remove(node)
        self._killed.append(node)

    def stop_head(self):
        """Kill the head and all that belongs to it, as when its machine is switched off."""
        self._head.end()

    def restart_head(self):
        """Kill the head and start it anew on the same ports."""
        self.stop_head()
        (self._folder / "ray_current_cluster").unlink(missing_ok=True)  # or it starts no second one
        self._start_head()

    def close(self):
        """End all that was started, and remove its files."""
        head = [self._head] if hasattr(self, "_head") else []
        for node in [*self.nodes, *self._killed, *head]:
            node.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start_head(self):
        gcs, dashboard, client, *own = self._ports
        self._head = Node(
            f"{self._folder.name}-head-{uuid.uuid4().hex[:6]}",
            [
                "--head",
                f"--port={gcs}",
                f"--dashboard-host={_LOOPBACK}",
                f"--dashboard-port={dashboard}",
                "--include-dashboard=true",
                f"--ray-client-server-port={client}",
                f"--temp-dir={self._folder}",
                *self._common(self._cpus, self._gpus, own),
            ],
            self.environment,
            self._folder / "head.log",
        )
        self._wait(self._takes_jobs, self._head)

    def _common(self, cpus, gpus, ports):
        listen, *others = ports
        names = ["object-manager-port", "node-manager-port", "dashboard-agent-grpc-port"]
        return [
            f"--node-ip-address={_LOOPBACK}",
            f"--num-cpus={cpus}",
            f"--num-gpus={gpus}",
            f"--object-store-memory={200_000_000}",
            f"--dashboard-agent-listen-port={listen}",
            *(f"--{name}={port}" for name, port in zip(names, others, strict=False)),
            "--min-worker-port=0",  # any free one; else all raylets hand out the same
            "--max-worker-port=0",
            "--disable-usage-stats",
            "--block",
        ]

    def _takes_jobs(self):
        """Whether the jobs API answers and the head's raylet has an agent that starts jobs."""
        return self._asked("/api/jobs/") is not None and bool(self.alive())

    def alive(self):
        """The ids of the nodes that the cluster counts as alive."""
        answer = self._asked("/nodes?view=summary") or {"data": {"summary": []}}
        raylets = [node["raylet"] for node in answer["data"]["summary"]]
        return {raylet["nodeId"] for raylet in raylets if raylet.get("state") == "ALIVE"}

    def _asked(self, path):
        try:
            token = self.environment.get("RAY_AUTH_TOKEN")
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            request = urllib.request.Request(self.dashboard + path, headers=headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except (OSError, ValueError, urllib.error.URLError):
            return None

    def _wait(self, condition, node):
        while not condition():
            assert node.process.poll() is None, node.log.read_text()
            time.sleep(0.2)


def free_ports(count):
    """Ports on which nothing listens, below those that the system gives to anyone who asks."""
    found = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((_LOOPBACK, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head that trains nothing and two nodes with a CPU each.

    It knows the method `gated`, whose gate is its attribute `gate`.
    """
    gate = Gate(tmp_path_factory.mktemp("cluster"))
    with Cluster(variables={"PYTHONPATH": gate.path}) as started:
        started.gate = gate
        started.add_node()
        started.add_node()
        yield started
