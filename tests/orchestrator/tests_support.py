"""What the tests of the command line share."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrator import plan
from studies.schemas import science
from studies.store import Store
from studies.store.finished import finished
from studies.store.writer import Writer
from studies.study import read
from trainers import datasets, runtime
from trainers.loop import train
from trainers.recording import Keep

UNTUNED = [sys.executable, "-c", "from orchestrator.cli import main; main()"]

STUDY = """\
seeds: {seeds}
keep_masks: true
axes:
  network: lenet-16
  dataset: digits
  epochs: {epochs}
  method: [dense, minimal-flipping]
  weights: {weights}
"""


def write_study(folder, name="own", seeds=2, epochs=2, weights="he-constant"):
    path = Path(folder) / f"{name}.yaml"
    path.write_text(STUDY.format(seeds=seeds, epochs=epochs, weights=weights))
    return path


def install_method(folder, name, source):
    """Make a folder, once it is on the path, an installed package that adds a method."""
    (folder / f"{name}_method.py").write_text(source)
    about = folder / "foreign-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[untuned.methods]\n{name} = {name}_method\n")


def gated_study(folder, seeds, epochs=2):
    """Write a study of the method `gated`, see `Gate`, and return its path."""
    path = write_study(folder, seeds=seeds, epochs=epochs)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "gated"))
    return path


def long_study(folder, seeds=6, epochs=60):
    """Write the study `long`, half of whose trials are of the method `gated`, see `Gate`."""
    path = write_study(folder, "long", seeds=seeds, epochs=epochs)
    path.write_text(path.read_text().replace("minimal-flipping", "gated"))
    return path


def train_study(folder, name="own", seeds=2, epochs=2, failing=0, *, masks=True, write=True):
    """Train a study in this process and record it; its last trials are recorded as failed.

    Args:
        folder: of its file and its results.
        name: the study's.
        seeds: how many.
        epochs: how many.
        failing: how many trials are recorded as failed.
        masks: whether masks are kept.
        write: whether to write the study's file; else it is there.
    """
    path = write_study(folder, name, seeds, epochs) if write else Path(folder) / f"{name}.yaml"
    asked = read(path)
    store = Store(str(Path(folder) / "results"), name)
    store.definitions.record(asked)
    data = datasets.load("digits", datasets.Place("digits", Path()))
    runtime.settle()
    writer, trials = Writer(store), plan.check(asked)
    for trial in trials[: len(trials) - failing]:
        records = list(train([trial], data, "cpu", keep=Keep(masks=masks)))
        row = records[-1].final | WHERE
        layers = [row for record in records for row in record.layers]
        epochs_rows = [record.epoch for record in records]
        rows = {"epochs": epochs_rows, "layers": layers, "masks": records[-1].masks}
        writer.add(trial, writer.attempt(), row, **rows)
    for trial in trials[len(trials) - failing :]:
        writer.fail(trial, writer.attempt(), "here", "ValueError: bang", "Traceback: bang")
    writer.flush()
    return store, trials


WHERE = {
    "seconds": 1.5,
    "continued_from": None,
    "host": "here",
    "device": "cpu",
    "threads": 1,
    "tf32": False,
    "versions": "v",
    "commit": None,
    "pack_size": 1,
}


def untuned(*arguments, cwd, **environment):
    """Run the command line in a process of its own."""
    return subprocess.run(
        [*UNTUNED, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def wait_until(condition, step=lambda: None):
    """Take steps until a condition is met; the test's own limit counts."""
    while not condition():
        step()
        time.sleep(0.1)


class Running:
    """A run of the study `long` in the background.

    Args:
        folder: where its study file is.
        arguments: further ones of `untuned run`.
        within: a command that is given this one to run.
        environment: of the process; this one's if not given.
    """

    started = []  # noqa: RUF012  (that a test which failed leaves none behind)

    def __init__(self, folder, *arguments, within=(), environment=None):
        self.errors = Path(tempfile.mkstemp(dir=folder, suffix=".txt")[1])
        command = [*within, *UNTUNED, "run", "long.yaml", *map(str, arguments)]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, cwd=folder, stderr=errors, stdout=errors, env=environment
            )
        self.started.append(self.process)

    def wait_until(self, condition, step=lambda: None):
        def go_on():
            step()
            assert self.process.poll() is None, self.errors.read_text()

        wait_until(condition, go_on)


def interrupt_at(gate, run):
    """Interrupt a run once a trial of it waits at the gate; it stops between two epochs."""
    while not gate.waiting():
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    while run.poll() is None:
        gate.allow(1)
        time.sleep(0.1)


def workers_of(pid):
    """The Ray workers below a process that are training."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            names[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            parents[int(entry.name)] = int(fields[1])
        except (OSError, ValueError):
            continue
    below, more = {pid}, True
    while more:
        found = {p for p, parent in parents.items() if parent in below} - below
        below, more = below | found, bool(found)
    return [p for p in below if re.match(r"ray::\w*Trainable", names[p])]


def science_of(folder, study="own"):
    """All science columns of all trials, epochs and layers, comparable to the bit."""
    store = Store(str(Path(folder) / "results"), study)
    done = finished(store)
    tables = {"trials": done.rows}
    for table in ("epochs", "layers"):
        named = done.keys(table).select(["attempt", "part"]).to_pydict()
        keys = set(zip(*named.values(), strict=True))
        rows = store.tables.read(table).rows
        pairs = zip(*(rows[name].to_pylist() for name in ("attempt", "part")), strict=True)
        tables[table] = rows.filter([pair in keys for pair in pairs])
    order = [("trial_id", "ascending"), ("epoch", "ascending"), ("layer", "ascending")]
    found = {}
    for name, rows in tables.items():
        keys = [key for key in order if key[0] in rows.column_names]
        found[name] = repr(rows.sort_by(keys).select(science(name)).to_pylist())
    return found


def trial_rows(folder, study="own"):
    return Store(str(Path(folder) / "results"), study).tables.read("trials").rows


WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {packages}:
            raise ModuleNotFoundError('No module named ' + name, name=name)
sys.meta_path.insert(0, Refuse())
from orchestrator.cli import main
main(sys.argv[1:])
"""


def in_the_base_install(folder, command):
    return without(("torch", "torchvision", "ray", "sklearn"), folder, command)


def without(packages, folder, command):
    """Run a command where some packages are not installed."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(packages=packages), *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


GATED = """
import os
import platform
import time
from pathlib import Path

from trainers.methods.minimal_flipping import MinimalFlipping

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset", "penalty")
GATE = Path({gate!r})


class Gated(MinimalFlipping):
    \"""Minimal flipping that asks for leave before each epoch is recorded.\"""

    def penalty(self, pack):
        while not (GATE / "open").exists():
            for leave in sorted(GATE.glob("leave-*")):
                try:
                    leave.unlink()
                except FileNotFoundError:  # another process has taken it
                    continue
                return super().penalty(pack)
            (GATE / f"waiting-{{os.getpid()}}-{{platform.node()}}").touch()
            time.sleep(0.02)
        return super().penalty(pack)


METHOD = Gated()
"""


class Gate:
    """Holds a training in another process until the test lets it go on, epoch by epoch.

    So what a test does to a running trial never depends on how fast the machine is.
    """

    def __init__(self, folder):
        self.folder = folder / "gate"
        self.folder.mkdir()
        self._given = 0
        install_method(folder, "gated", GATED.format(gate=str(self.folder)))
        #: With it, processes have the method.
        self.path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))

    def allow(self, epochs):
        """Let so many epochs pass, epoch 0 among them."""
        for _ in range(epochs):
            self._given += 1
            (self.folder / f"leave-{self._given:05d}").touch()

    def let_pass(self, epochs=1):
        """Let some epochs pass, if none may pass now."""
        if not list(self.folder.glob("leave-*")):
            self.allow(epochs)

    def waiting(self):
        """The processes that have met the gate closed."""
        return {int(path.name.split("-")[1]) for path in self.folder.glob("waiting-*")}

    def hosts(self):
        """The names of the hosts whose processes have met the gate closed."""
        return {path.name.split("-", 2)[2] for path in self.folder.glob("waiting-*")}

    def open(self):
        """Let everything pass from now on."""
        (self.folder / "open").touch()

    def close(self):
        """Let nothing pass from now on, and forget who has waited."""
        for path in self.folder.iterdir():
            path.unlink(missing_ok=True)


#: What a Ray dashboard says of itself.
DASHBOARD = json.dumps(
    {"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": ""}
)


def job_details(job_id, results="/there", status="RUNNING"):
    """What a dashboard tells of a job of this project."""
    metadata = {"study": "own", "results": results, "version": "1", "command": "untuned submit"}
    about = {"type": "SUBMISSION", "submission_id": job_id, "status": status, "entrypoint": ""}
    return about | {"start_time": 1000, "end_time": 2000, "metadata": metadata}


#: The file of a method that fails.
FAILING = """
from trainers.methods import Method

class Failing(Method):
    def rebuild(self, pack, layer):
        raise ZeroDivisionError("bang")

METHOD = Failing()
"""


@contextlib.contextmanager
def full_disk():
    """Let files have no more than 1,000 bytes: like a full disk, it takes empty ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
