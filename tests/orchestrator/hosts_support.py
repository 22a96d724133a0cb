"""Hosts made of Linux namespaces, the network between them, and a Ray cluster on them.

    with Hosts() as hosts:                     # a switch, a host `store` with S3, and no others yet
        head = hosts.add("head")               # a host of its own address and name
        hosts.start_head(head)                 # `ray start --head`
        hosts.start_node(hosts.add("one"))     # `ray start --address head:6379`
        hosts.store.run([...])                 # a command on a host, to its end
        head.unplug(); head.plug()             # its link goes down and comes up again

A host is a network, UTS, mount and PID namespace whose link ends in the switch, a bridge in a
namespace of its own: nothing leaves them. It has its own /dev/shm and its own temporary and home
folder, which the others do not see; programs and the test's folder are the machine's. Results are
on S3, which moto serves on `store`, where the user's commands run too. All that a host runs dies
with its first process, and that with this one.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from clusters import ray_settings
from s3_support import SECRET
from tests_support import UNTUNED

_GCS, _DASHBOARD, _S3 = 6379, 8265, 9000
_NETWORK = "10.77.0"
_TOOLS = ("ip", "unshare", "nsenter", "setpriv", "mount", "hostname")

#: The first process of a host: `sh -c _INIT NAME FOLDER HOSTS`.
_INIT = """
set -e
hostname "$0"
mount -t tmpfs -o size=200m tmpfs /dev/shm
mount -t tmpfs -o size=500m tmpfs "$1"
mount --bind "$2" /etc/hosts
: > "$1/resolv.conf"
mount --bind "$1/resolv.conf" /etc/resolv.conf  # nobody answers here, which gRPC would wait for
mkdir "$1/home"
echo ready
exec sleep infinity
"""
_ASK = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"
_MAKE_BUCKET = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], method='PUT'))"
_COPY = """
import sys
import pyarrow.fs
fs = pyarrow.fs.S3FileSystem(endpoint_override=sys.argv[1], region="us-east-1")
pyarrow.fs.copy_files(sys.argv[2], sys.argv[3], source_filesystem=fs)
"""
_SLEEP = """
import select
import time
time.sleep = lambda seconds: select.select((), (), (), seconds)
"""


def why_not():
    """Why hosts cannot be made here; empty if they can."""
    if sys.platform != "linux":
        return "hosts are made of Linux namespaces"
    if os.geteuid() != 0:
        return "only root may make hosts of namespaces"
    if lacking := [name for name in _TOOLS if shutil.which(name) is None]:
        return f"no {', '.join(lacking)} here (Debian: apt-get install iproute2 util-linux)"
    made = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "ip", "link", "add", "name"]
    answer = subprocess.run(
        [*made, "b", "type", "bridge"], capture_output=True, text=True, check=False
    )
    return f"may not make hosts of namespaces: {answer.stderr}" if answer.returncode else ""


class Namespace:
    """The namespaces of one process, which live as long as it.

    Args:
        kinds: which ones, as `unshare` names them.
        command: the process. It prints a line when it is ready.
    """

    def __init__(self, kinds, command):
        self._kinds = [f"--{kind}" for kind in kinds]
        own = ["--fork", "--kill-child", "--mount-proc"] if "pid" in kinds else []
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", *self._kinds, *own, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._holder.stdout.readline() == "ready\n"
        children = f"/proc/{self._holder.pid}/task/{self._holder.pid}/children"
        within = Path(children).read_text().split() if own else [self._holder.pid]
        self.pid = int(within[0])

    def enter(self, command):
        """The command that runs another one in these namespaces."""
        return ["nsenter", f"--target={self.pid}", *self._kinds, "--", *map(str, command)]

    def close(self):
        """End the process and, with its PID namespace, all others in it."""
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()


class Host(Namespace):
    """A host.

    Attributes:
        name: its host name.
        address: its own.
        environment: of what runs on it.
        log: what Ray printed on it.
    """

    def __init__(self, name, number, switch, folder, names, environment):
        self.name, self.address, self._port = name, f"{_NETWORK}.{number}", f"port{number}"
        self._switch, self._own, self._started = switch, folder / f"h{number}", []
        self.log = folder / f"{name}-{number}.log"
        self._own.mkdir()
        init = ["sh", "-c", _INIT, name, self._own, names]
        super().__init__(("net", "uts", "mount", "pid"), [*map(str, init)])
        home = self._own / "home"
        self.environment = environment | {"HOME": str(home), "TMPDIR": str(self._own)}
        _ip(switch, f"link add {self._port} type veth peer name eth0 netns {self.pid}")
        _ip(switch, f"link set {self._port} master bridge up")
        for settings in (
            "link set lo up",
            "link set eth0 up",
            f"address add {self.address}/24 dev eth0",
            f"route add default via {_NETWORK}.1",  # a host has one, and here it leads nowhere
        ):
            _ip(self, settings)

    def unplug(self):
        """Take the cable out."""
        _ip(self._switch, f"link set {self._port} down")

    def plug(self):
        """Put it in again."""
        _ip(self._switch, f"link set {self._port} up")

    def start(self, command, **options):
        """Start a command; it goes on in the background."""
        environment = self.environment | options.pop("environment", {})
        self._started.append(subprocess.Popen(self.enter(command), env=environment, **options))
        return self._started[-1]

    def close(self):
        """Switch it off."""
        super().close()
        for process in self._started:
            process.wait()

    def run(self, command, **environment):
        """Run a command to its end, and return it."""
        return subprocess.run(
            self.enter(command),
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def start_ray(self, arguments, variables):
        """Start Ray in the background."""
        ray = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start"]
        common = ["--num-cpus=1", f"--object-store-memory={80_000_000}", "--disable-usage-stats"]
        place = ["--block", f"--temp-dir={self._own / 'ray'}"]
        with self.log.open("ab") as output:
            options = {"stdout": output, "stderr": output, "environment": variables}
            self._ray = self.start([*ray, *arguments, *common, *place], **options)

    @property
    def has_ray(self):
        """Whether its Ray goes on."""
        return self._ray.poll() is None

    def runs(self, program):
        """Whether a process on it has this word in its command line."""
        own = Path(f"/proc/{self.pid}/ns/pid").readlink()
        for pid in _processes(own):
            with suppress(OSError):
                if program in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                    return True
        return False

    def end_all(self):
        """End all that runs on it, by force, as if it were switched off and on again."""
        own = Path(f"/proc/{self.pid}/ns/pid").readlink()
        while others := [pid for pid in _processes(own) if pid != self.pid]:
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
        self._ray.wait()


class Hosts:
    """A switch, hosts on it, and a Ray cluster.

    Attributes:
        store: the host that serves S3, and on which the user's commands run.
        head: the host of the head.
        nodes: the hosts of the other nodes.
        dashboard: the URL of the head's.
    """

    def __init__(self, variables=None):
        self._folder = Path(tempfile.mkdtemp(prefix="rh-", dir="/tmp"))  # sockets need short paths
        self._variables = variables or {}
        self._names = self._folder / "hosts"
        self._names.write_text("127.0.0.1 localhost\n")
        self._all = []
        try:
            self._switch = Namespace(["net"], ["sh", "-c", "echo ready; exec sleep infinity"])
            self._all.append(self._switch)
            _ip(self._switch, "link add bridge type bridge")
            _ip(self._switch, "link set bridge up")
            self.store = self.add("store")
            self._serve()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """End all hosts and what runs on them, and remove their files."""
        for one in reversed(self._all):
            one.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def environment(self):
        """The environment of all that runs on hosts."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAY_", "AWS_")) and not name.lower().endswith("_proxy")
        }
        return inherited | {
            **ray_settings(),
            "AWS_ENDPOINT_URL": f"http://{_NETWORK}.2:{_S3}",
            "AWS_ACCESS_KEY_ID": "untuned",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._variables,
        }

    def add(self, name):
        """Make a host, whose address is new. Its name leads there from now on."""
        number = len(self._all) + 1  # 1 is the gateway's
        host = Host(name, number, self._switch, self._folder, self._names, self.environment)
        self._all.append(host)
        known = [line for line in self._names.read_text().splitlines() if line.split()[1] != name]
        self._names.write_text("\n".join([*known, f"{host.address} {name}\n"]))
        return host

    def start_head(self, host, **variables):
        """Start Ray's head on a host, and wait until it takes jobs."""
        self.dashboard = f"http://{host.address}:{_DASHBOARD}"
        head = ["--head", f"--port={_GCS}", "--dashboard-host=0.0.0.0", "--include-dashboard=true"]
        host.start_ray([*head, f"--dashboard-port={_DASHBOARD}"], variables)
        self.head, self.nodes = host, []
        self.wait_until(lambda: self._asked("/api/jobs/") is not None and self.alive(), host)

    def start_node(self, host, **variables):
        """Start a node on a host, and wait until the cluster knows it."""
        before = self.alive()
        host.start_ray([f"--address={self.head.name}:{_GCS}"], variables)
        self.nodes.append(host)
        self.wait_until(
            lambda: host.name in {v for k, v in self.alive().items() if k not in before}, host
        )

    def restart_node(self, host, **variables):
        """End all that runs on a node's host, and start the node anew."""
        host.end_all()
        self.nodes.remove(host)
        self.start_node(host, **variables)

    def mend(self):
        """Plug all links in, start Ray anew where it has ended, and wait for the whole cluster."""
        for host in self.cluster:
            host.plug()

        def is_whole():
            for node in [node for node in self.nodes if not node.has_ray]:
                self.restart_node(node)
            return sorted(self.alive().values()) == sorted(self.names)

        self.wait_until(is_whole, self.head)

    @property
    def cluster(self):
        """The hosts that are nodes, the head first."""
        return [self.head, *self.nodes]

    @property
    def names(self):
        """Their names."""
        return {host.name for host in self.cluster}

    def alive(self):
        """The names of the hosts that the cluster counts as alive, by the ids of their nodes."""
        answer = self._asked("/nodes?view=summary") or {"data": {"summary": []}}
        nodes = answer["data"]["summary"]
        return {
            node["raylet"]["nodeId"]: node["hostname"]
            for node in nodes
            # One that has just registered has no name yet.
            if node["raylet"].get("state") == "ALIVE" and "hostname" in node
        }

    def untuned(self, *arguments, **environment):
        """Run a command of the user's on the host `store`."""
        address = {"RAY_API_SERVER_ADDRESS": self.dashboard}
        return self.store.run([*UNTUNED, *arguments], **address | environment)

    def fetch(self, place, folder):
        """Copy what is below BUCKET/FOLDER on S3 to a folder of this machine."""
        endpoint = self.environment["AWS_ENDPOINT_URL"]
        answer = self.store.run([sys.executable, "-c", _COPY, endpoint, place, folder])
        assert answer.returncode == 0, answer.stderr

    def clock(self, offset):
        """The variables of programs whose clock is off, as by ``+2h``; skips where it cannot be.

        Only the time of day is off: all machines count seconds alike. With that, faketime 0.9.10
        refuses the call by which Python sleeps since 3.11 (its issue 426), so Python sleeps
        otherwise.
        """
        program = shutil.which("faketime")
        if program is None:
            pytest.skip("no faketime here (Debian: apt-get install faketime)")
        asked = [program, "-m", "-f", offset, "printenv", "LD_PRELOAD"]
        library = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        folder = self._folder / "python"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(_SLEEP)
        return {
            "LD_PRELOAD": library,
            "FAKETIME": offset,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": f"{folder}:{self.environment.get('PYTHONPATH', '')}",
        }

    def wait_until(self, condition, host=None):
        """Wait for a condition, as long as a host's Ray goes on, if one is given."""
        while not condition():
            assert host is None or host.has_ray, host.log.read_text()
            time.sleep(0.2)

    def _asked(self, path):
        answer = self.store.run([sys.executable, "-S", "-c", _ASK, self.dashboard + path])
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def _serve(self):
        """Start the S3 server, with a bucket `results`."""
        server = [sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", str(_S3)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        serving = self.store.start(server, **quiet)
        make = [sys.executable, "-S", "-c", _MAKE_BUCKET]
        bucket = f"{self.environment['AWS_ENDPOINT_URL']}/results"

        def made():
            assert serving.poll() is None
            return self.store.run([*make, bucket]).returncode == 0

        self.wait_until(made)


def _ip(where, arguments):
    subprocess.run(where.enter(["ip", *arguments.split()]), check=True)


def _processes(namespace):
    """The processes of a PID namespace that have not ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if (entry / "ns/pid").readlink() == namespace and state != "Z":
                found.append(int(entry.name))
    return found
