"""What one GPU can settle in eight minutes: equality, speed, and the deciding studies.

    python tests/benchmarks/gpu.py [--data DIR] [--minutes 8] [--out results/gpu]

It needs no Ray. First come checks that need no GPU: data sets, studies, and steps on a pretended
device; a machine without a GPU ends there, in one line. Then come three parts, each with a share of
the time, which writes what it has when that is over: the tests of equality on the device, the
speed of packs, and as much of two studies as the rest of the time allows. `--out` gets the rows as
JSON, the table as text, and the studies' results as compacted Parquet in one tar file.

`--device cpu --rehearse` runs all of it on a CPU, with the least of everything.
"""

import argparse
import json
import sys
import tarfile
import time
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

import torch
from gpu_equality import equality
from gpu_speed import REHEARSAL, Extent, speed
from table import Row, noise, show, trial
from torch._subclasses.fake_tensor import FakeTensorMode

from orchestrator import data_places, plan, running
from studies.errors import UserError
from studies.store import Store
from studies.store.compaction import compact
from studies.store.finished import finished
from studies.study import find
from trainers import devices, methods, networks, packs, runtime, weights
from trainers.batches import Batches
from trainers.measures.evaluation import evaluate
from trainers.methods import _connections

#: Of the whole time: what equality and speed may take. The studies get the rest.
_EQUALITY, _SPEED = 0.2, 0.3
#: The studies, and their parts in the order in which they run: what is quick first.
_FAST = {"method": ["dense", "free-pruning", "free-flipping"]}
_STUDIES = {
    "threshold-mnist": (_FAST, {"method": ["edge-popup", "edge-popup-flipping"]}),
    "threshold-conv2": (_FAST, {"method": "edge-popup"}),
}


def ready(data, names):
    """Check what needs no GPU; return the studies whose data sets are there, and what is missing.

    Raises:
        UserError: a study or an option cannot be used.
    """
    there, missing = [], []
    for name in names:
        study = find(name)
        places = data_places.places(data, {t.dataset for t in plan.check(study)}, study.data)
        try:
            data_places.check(places)
            there.append(name)
        except UserError as error:
            missing.append(f"{name} is left out, {error}")
    _pretend()
    return there, missing


def _pretend():
    """Begin and evaluate packs on a device of which torch knows only shapes."""
    remembered = weights._remembered, _connections._remembered_uniform
    weights._remembered, _connections._remembered_uniform = weights._drawn, _connections._uniform
    data = noise((1, 8, 8), (50, 20, 20))
    try:
        with FakeTensorMode():
            for name, values in (("free-pruning", {}), ("edge-popup", {"density": 0.5})):
                trials = [trial(name, network="lenet-20-10", **values)] * 2
                pack = packs.assemble(
                    trials, networks.build(trials[0], data.shape, 10), torch.device("cuda")
                )
                method, batches = methods.of(trials), Batches(data, trials, torch.device("cuda"))
                method.begin(pack, 0, batches)
                assert evaluate(pack, method, batches, "test").loss.device.type == "cuda"
    finally:
        weights._remembered, _connections._remembered_uniform = remembered


def studies(extent, data, out, until, names):
    """Run parts of the studies until the time is over; yield how many trials are finished."""
    results = out / "results"
    for name in names:
        for number, only in enumerate(_STUDIES.get(name, ({},))):
            hours = (until - time.monotonic()) / 3600
            if hours <= 0:
                break
            options = {"executor": "inline", "device": extent.device}
            how = running.HowToRun(data=data, hours=hours, options=options)
            study = find(name).override(only=only)
            store, began = Store(str(results), study.name), time.monotonic()
            for ended in running.run_definitions(study, store, how):
                count = ended.outcome.finished if ended.outcome else ended.planned
                kind = "tuning seeds" if ended.study.is_tuned else "trials"
                measure = f"{name}, part {number + 1}, {kind} finished of {ended.planned}"
                yield Row.of("studies", measure, [float(count)], "")
            yield Row.of("studies", f"{name}, part {number + 1}", [time.monotonic() - began], "s")
    with tarfile.open(out / "results.tar", "w") as tar:
        for folder in sorted(results.glob("*")):
            store = Store(str(results), folder.name)
            compact(store)
            tar.add(folder, folder.name)
            rows = len(finished(store).rows)
            yield Row.of("studies", f"{folder.name}, trials in results.tar", [float(rows)], "")


def parts(extent, minutes, data, out, names):
    """The rows of the three parts, each within its share of the time."""
    began = time.monotonic()
    ends = [began + 60 * minutes * share for share in (_EQUALITY, _EQUALITY + _SPEED, 1.0)]
    for rows, until in ((equality(extent), ends[0]), (speed(extent), ends[1])):
        for row in rows:
            yield row
            if time.monotonic() > until:
                yield Row.of(row.group, "the rest: no time", [0.0], "")
                break
    yield from studies(extent, data, out, ends[2] - 20, names)  # seconds for compacting


def main(arguments=None):
    """Run all of it, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", action="append", default=[], help="as of untuned run")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rehearse", action="store_true", help="the least of everything")
    parser.add_argument("--study", action="append", help="instead of the two")
    given = parser.parse_args(arguments)
    runtime.settle()
    try:
        names, missing = ready(tuple(given.data), given.study or _STUDIES)
    except UserError as error:
        parser.error(str(error))
    about = "; ".join(["make gpu: all that needs no GPU is in order", *missing])
    if given.device == "cuda" and not devices.gpus():
        print(f"{about}; PyTorch sees no GPU here")
        return 0
    print(about)
    extent = REHEARSAL if given.rehearse else Extent(given.device)
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    try:
        with (given.out / "rows.jsonl").open("w") as file:
            for row in parts(extent, given.minutes, tuple(given.data), given.out, names):
                rows.append(row)
                file.write(json.dumps(asdict(row)) + "\n")
                file.flush()
    finally:
        with (given.out / "table.txt").open("w") as file, redirect_stdout(file):
            show(rows, {})
        show(rows, {})
    return int(any(row.reached is False for row in rows if row.group == "equality"))


if __name__ == "__main__":
    sys.exit(main())
