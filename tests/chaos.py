"""A study on a cluster whose workers, raylets, sessions and driver are killed at random.

    python tests/chaos.py --minutes 10        # or: make chaos MINUTES=10

Two nodes with one CPU each on this machine. Every few seconds something is killed (SIGKILL); once a
trial is made to exceed its memory, and once the disk fills up. Whenever the driver is gone the
study is started again, as a user would, until it is done; then it is run once more undisturbed, and
the two must agree to the bit. Needs root on Linux, for a small disk of its own.
"""

import argparse
import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "orchestrator"))

from clusters import Cluster
from tests_support import UNTUNED, install_method, science_of

from studies.store import Store
from studies.store.finished import failed_attempts, finished
from studies.study import read

#: Trains as dense does, but takes 6 GiB once if it is told to.
HUNGRY = """
import time
from pathlib import Path

import numpy as np
from trainers.methods.dense import Dense

class Hungry(Dense):
    def begin(self, pack, number, batches):
        told = Path({told!r})
        if told.exists():
            told.unlink()
            held = [np.ones(2**26) for _ in range(12)]
            time.sleep(60)
        super().begin(pack, number, batches)

METHOD = Hungry()
"""

STUDY = """\
seeds: {seeds}
axes:
  network: lenet-300-100
  dataset: digits
  epochs: 100
  method: [hungry, free-pruning, minimal-flipping]
  weights: he-constant
"""


class Chaos:
    """The cluster, the run and what happens to them.

    Args:
        folder: with the study file; results go there.
        cluster: to run on.
        seed: of what is killed when.
    """

    def __init__(self, folder, cluster, seed):
        self.folder, self.cluster, self.random = folder, cluster, random.Random(seed)
        self.counts = collections.Counter()
        self.path = folder / "chaos.yaml"
        self.store = Store(str(folder / "results"), "chaos")
        self.log = (folder / "output.txt").open("w")
        self.codes = []
        self.run = None

    def start(self):
        """Start the study, as a user would after a crash."""
        command = [*UNTUNED, "run", str(self.path), "--address", self.cluster.address]
        command += ["--retries", "100", "--checkpoint", "2"]
        self.run = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.cluster.environment,
            stdout=self.log,
            stderr=self.log,
        )

    def strike(self):
        """Kill something at random."""
        kinds = ["worker"] * 6 + ["raylet"] * 2 + ["driver", "session"]
        kind = self.random.choice(kinds)
        if getattr(self, f"_{kind}")():
            self.counts[kind] += 1
            print(f"{time.strftime('%H:%M:%S')} killed: {kind}", flush=True)

    def _worker(self):
        found = [p for node in self.cluster.nodes for p in _named(node.processes(), b"ray::Resou")]
        return _kill(self.random.choice(found)) if found else False

    def _raylet(self):
        self.cluster.kill_node(self.random.choice(self.cluster.nodes))
        time.sleep(self.random.uniform(0, 5))
        self.cluster.add_node(cpus=1)
        return True

    def _driver(self):
        self.run.kill()
        self.run.wait()
        time.sleep(self.random.uniform(0, 2))
        self.start()
        return True

    def _session(self):
        children = Path(f"/proc/{self.run.pid}/task/{self.run.pid}/children").read_text().split()
        found = _named(map(int, children), b"spawn_main")
        return _kill(found[0]) if found else False

    def fill_disk(self):
        """No room for some seconds."""
        fill = self.folder / "results" / "fill"
        with contextlib.suppress(OSError), fill.open("wb") as stream:
            while True:
                stream.write(bytes(4096))
                stream.flush()
        self.counts["full disk"] += 1
        print(f"{time.strftime('%H:%M:%S')} the disk is full", flush=True)
        time.sleep(12)
        fill.unlink()

    def go_on(self):
        """Start the study again if its driver has come to an end; whether it is done."""
        code = self.run.poll()
        if code is None:
            return False
        self.codes.append(code)
        if code == 0:
            return True
        self.counts["started again"] += 1
        self.start()
        return False


def _named(pids, title):
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if title in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def disturbed(folder, minutes, seed, told):
    """Run the study under fire; what happened to it."""
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(memory[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    variables = {
        "PYTHONPATH": str(folder),
        "RAY_memory_usage_threshold": f"{(total - free + 6 * 2**20) / total:.3f}",
        "RAY_memory_monitor_refresh_ms": "100",
    }
    with Cluster(variables=variables) as cluster:
        for _ in range(2):
            cluster.add_node(cpus=1)
        chaos = Chaos(folder, cluster, seed)
        began = time.monotonic()
        chaos.start()
        once = [(0.3, told.touch), (0.6, chaos.fill_disk)]
        while not chaos.go_on():
            passed = (time.monotonic() - began) / 60 / minutes
            while once and passed > once[0][0]:
                once.pop(0)[1]()
            if passed < 1:
                chaos.strike()
            time.sleep(chaos.random.uniform(3, 18))
        chaos.minutes = (time.monotonic() - began) / 60
    return chaos


def main():
    """Run, compare and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if "UNTUNED_CHAOS" not in os.environ:  # a mount of our own, which ends with us
        os.environ["UNTUNED_CHAOS"] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        folder = Path(place)
        (folder / "results").mkdir()
        small = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder / "results")]
        subprocess.run(small, check=True)
        try:
            held_against_quiet(folder, given)
        finally:
            subprocess.run(["umount", "--lazy", str(folder / "results")], check=True)


def held_against_quiet(folder, given):
    """Run the study under fire and undisturbed, and say how the two compare."""
    path = folder / "chaos.yaml"
    path.write_text(STUDY.format(seeds=given.seeds))
    told = folder / "told"
    install_method(folder, "hungry", HUNGRY.format(told=str(told)))
    sys.path.insert(0, str(folder))
    chaos = disturbed(folder, given.minutes, given.seed, told)
    (folder / "quiet").mkdir()
    subprocess.run(
        [*UNTUNED, "run", str(path)],
        cwd=folder / "quiet",
        env=os.environ | {"PYTHONPATH": str(folder)},
        check=True,
    )
    print((folder / "output.txt").read_text())
    done = finished(chaos.store)
    planned = len(read(path).trials())
    same = science_of(folder, "chaos") == science_of(folder / "quiet", "chaos")
    twice = len(chaos.store.tables.read("trials").rows) - len(done.rows)
    print(f"{chaos.minutes:.1f} minutes; {dict(chaos.counts)}")
    print(f"{len(failed_attempts(chaos.store))} attempts recorded as failed; {len(done.rows)} of "
          f"{planned} trials finished, {twice} of them twice, {len(done.conflicts)} conflicts, "
          f"{len(done.damaged)} damaged parts; equal to the bit: {same}")  # fmt: skip
    assert (len(done.rows), done.conflicts, done.damaged, same) == (planned, (), (), True)


if __name__ == "__main__":
    main()
