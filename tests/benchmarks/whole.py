"""Whole studies through the command line: start-up, efficiency, the cost of a trial, memory.

And what surrounds them: planning, writing and reading results.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "orchestrator"))

from table import AT_LEAST, AT_MOST, Row
from tests_support import UNTUNED, workers_of

import analysis
from orchestrator import plan
from orchestrator.estimate import estimate
from studies.store import Store
from studies.store.finished import finished
from studies.store.writer import Writer
from studies.study import from_mapping
from trainers import datasets
from trainers.loop import train

#: The name of Ray's control process.
_GCS = "gcs_server"
_TRIVIAL = {"network": "lenet-1", "dataset": "digits", "epochs": 1, "batch_size": 1000}
_WEIGHTS = ["he-normal", "he-constant", "he-uniform", "lognormal", "exponential"]


def _study(name, seeds, **axes):
    """A study file's content."""
    return {"name": name, "seeds": seeds, "axes": axes}


def trivial(trials):
    """A study of so many trials that take milliseconds."""
    axes = _TRIVIAL | {"method": ["dense", "free-pruning"], "weights": _WEIGHTS}
    return _study(f"trivial-{trials}", trials // 10, **axes)


class Run:
    """A study run by the command line on two workers.

    Attributes:
        seconds: of the whole command.
        memory: the most that the command and its session with Ray have held, in MB.
        control: the most that Ray's control process (GCS) has held, in MB.
        start: seconds from the command to the first trial.
        efficiency: seconds of all trials / (workers x seconds from the first start to the last
            row).
        trials: how many finished.
        busy: seconds of all of them.
    """

    def __init__(self, content, folder, workers=2):
        path = Path(folder) / f"{content['name']}.yaml"
        path.write_text(yaml.safe_dump(content))
        command = [*UNTUNED, "run", str(path), "--workers", str(workers)]
        began = time.time()
        with (path.with_suffix(".log")).open("w") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            self.memory = self.control = 0.0
            while process.poll() is None:
                children = _children(process.pid)
                self.memory = max(self.memory, sum(map(_peak, [process.pid, *children])))
                controls = [_peak(one) for child in children for one in _children(child, _GCS)]
                self.control = max(self.control, *controls, 0.0)
                time.sleep(0.1)
        self.seconds = time.time() - began
        assert process.returncode == 0, path.with_suffix(".log").read_text()
        rows = (
            Store(str(Path(folder) / "results"), content["name"])
            .tables.read("trials")
            .rows.to_pylist()
        )
        ends = [row["finished_at"].timestamp() for row in rows]
        starts = [end - row["seconds"] for end, row in zip(ends, rows, strict=True)]
        self.start, self.trials = min(starts) - began, len(rows)
        self.busy = sum(row["seconds"] for row in rows)
        self.efficiency = self.busy / (workers * (max(ends) - min(starts)))


def _children(pid, name=""):
    """Of a process, those of this name, or all; none where it has just ended."""
    try:
        return [
            child
            for thread in Path(f"/proc/{pid}/task").iterdir()
            for child in (thread / "children").read_text().split()
            if not name or Path(f"/proc/{child}/comm").read_text().strip() == name
        ]
    except OSError:
        return []


def _peak(pid):
    """VmHWM of a process in MB; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) / 1e3 if found else 0.0


def efficiency(trials):
    """Of LeNet-300-100 on digits, about two seconds a trial."""
    methods = ["dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"]
    axes = {
        "network": "lenet-300-100",
        "dataset": "digits",
        "epochs": 130,
        "weights": "he-constant",
    }
    content = _study("efficiency", trials // 5, **axes, method=methods)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(content, folder)
    group = f"study of {run.trials} LeNets on digits, 2 workers"
    yield Row.of(group, "command to first trial", [run.start], "s", f"{AT_MOST} 8")
    wanted = f"{AT_LEAST} 0.93"
    yield Row.of(group, "efficiency", [run.efficiency], "x", wanted)
    places = {"digits": datasets.Place("digits", Path())}
    planned = plan.check(from_mapping(content, "benchmark"))
    ratio = estimate(planned, places, "cpu").seconds / run.busy
    yield Row.of(group, "seconds estimated / measured", [ratio], "x")


def costs(sizes):
    """What one more trivial trial costs in studies of these sizes, ascending."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [Run(trivial(size), folder) for size in sizes]
        uri = str(Path(folder) / "results" / f"trivial-{sizes[-1]}")
        started = time.perf_counter()
        analysis.load(uri)
        read = time.perf_counter() - started
    group = "studies of trivial trials, 2 workers"
    marginal = [
        1e3 * (b.seconds - b.start - a.seconds + a.start) / (b.trials - a.trials)
        for a, b in pairwise(runs)
    ]
    whole = 1e3 * (runs[-1].seconds - runs[0].seconds) / (runs[-1].trials - runs[0].trials)
    measure = f"one more at {sizes[-1]:,}, planning included"
    yield Row.of(group, measure, [whole], "ms", f"{AT_MOST} 10")
    for size, cost in zip(sizes[1:], marginal, strict=True):
        yield Row.of(group, f"one more trial at {size:,}", [cost], "ms", f"{AT_MOST} 10")
    if len(marginal) > 1:
        growth = marginal[-1] / marginal[-2]
        measure = f"one more at {sizes[-1]:,} / at {sizes[-2]:,}"
        yield Row.of(group, measure, [growth], "x", f"{AT_MOST} 1.2")
    memory = f"driver's memory at {sizes[-1]:,}"
    yield Row.of(group, memory, [runs[-1].memory], "MB", f"{AT_MOST} 700")
    for run, size in zip(runs, sizes, strict=True):
        yield Row.of(group, f"memory of Ray's control process at {size:,}", [run.control], "MB")
    yield Row.of(group, f"reading {sizes[-1]:,} trials for analysis", [read], "s")


def recovery(times):
    """From the kill of a worker to the start of its trial's training in another one."""
    axes = _TRIVIAL | {"epochs": 3000, "method": "dense", "weights": "he-normal"}
    taken = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recovery.yaml"
            path.write_text(yaml.safe_dump(_study("recovery", 1, **axes)))
            command = [*UNTUNED, "run", str(path), "--workers", "1", "--checkpoint", "0"]
            process = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while not (found := workers_of(process.pid)):
                time.sleep(0.1)
            time.sleep(3)  # it has begun to train
            killed = time.time()
            os.kill(found[0], signal.SIGKILL)
            assert process.wait() == 0
            store = Store(str(Path(folder) / "results"), "recovery")
            (row,) = store.tables.read("trials").rows.to_pylist()
            taken.append(row["finished_at"].timestamp() - row["seconds"] - killed)
    yield Row.of("a worker killed", "until its trial trains again", taken, "s", f"{AT_MOST} 15")


def planning(sizes):
    """From a study file's content to the list of what is to do."""
    for size in sizes:
        content = trivial(size)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            study = from_mapping(content, "bench.yaml")
            todo = plan.make([study], Store(folder, study.name)).todo
            ids = {trial.trial_id for trial in todo}
            taken = time.perf_counter() - started
        assert len(ids) == size
        yield Row.of("planning", f"{size:,} trials", [taken], "s", f"{AT_MOST} {size // 5_000}")


def parquet(trials):
    """Writing trials in parts of a hundred, and reading which are finished."""
    content = trivial(10)
    given = from_mapping(content, "bench.yaml").trials()[0]
    digits = datasets.load("digits", datasets.Place("digits", Path()))
    records = list(train([given], digits))
    epochs, layers = [r.epoch for r in records], [row for r in records for row in r.layers]
    about = {"seconds": 1.0, "host": "here", "device": "cpu", "threads": 1, "pack_size": 1}
    row = {**records[-1].final, **about, "versions": "", "commit": None}
    axes = _TRIVIAL | {"method": "dense", "weights": "he-normal"}
    every = from_mapping(_study("many", trials, **axes), "bench.yaml")
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Store(folder, "bench"), seconds=1e9)
        started = time.perf_counter()
        for number, one in enumerate(every.trials(), start=1):
            writer.add(one, writer.attempt(), row, epochs=epochs, layers=layers)
            if number % 100 == 0:
                writer.flush()
        writing = time.perf_counter() - started
        started = time.perf_counter()
        found = finished(Store(folder, "bench"))
        reading = time.perf_counter() - started
    assert len(found.ids) == trials
    group = f"results, {trials:,} trials in parts of 100"
    yield Row.of(group, "writing a trial", [1e3 * writing / trials], "ms")
    yield Row.of(group, "reading which are finished", [1e3 * reading / trials], "ms per trial")
