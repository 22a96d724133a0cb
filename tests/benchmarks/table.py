"""What the benchmarks share: a row per measure, the table, and the file that keeps them."""

import os
import platform
import statistics
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table

from studies.trial import Trial
from trainers import devices, products, runtime
from trainers.datasets import Dataset

FILE = Path(__file__).parents[2] / "results" / "benchmarks.parquet"
#: What must be reached, as it is written in the table.
AT_MOST, AT_LEAST = "at most", "at least"
_ENGINE = os.environ.get("UNTUNED_ENGINE") or "auto"
#: What fully connected layers are computed with here: what a run would choose, unless it is told.
PRODUCTS = products.by_name(devices.preferred_products() if _ENGINE == "auto" else _ENGINE)


@dataclass(frozen=True)
class Row:
    """One measure.

    Attributes:
        group: of measures.
        measure: what was measured.
        value: the median.
        low: the lower quartile, or the value itself where it was measured once.
        high: the upper quartile.
        unit: of the three.
        wanted: ``at most 0.8``, or nothing.
        values: of each round, of which the others are made.
    """

    group: str
    measure: str
    value: float
    low: float
    high: float
    unit: str
    wanted: str = ""
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, group, measure, values, unit, wanted=""):
        """The median and the quartiles of values."""
        many = list(values)
        low, _, high = statistics.quantiles(many, n=4) if len(many) > 1 else many * 3
        return cls(group, measure, statistics.median(many), low, high, unit, wanted, tuple(many))

    @property
    def reached(self):
        """Whether the value is as wanted; None where nothing is."""
        if not self.wanted:
            return None
        kind, _, limit = self.wanted.rpartition(" ")
        return self.value <= float(limit) if kind == AT_MOST else self.value >= float(limit)


def ratios(times, base):
    """Each round's time of something over that of something else in the same round."""
    return [one / other for one, other in zip(times, base, strict=True)]


def keep(rows, quick):
    """Append rows to the file of all runs; returns the last value of each measure before, here."""
    commit = subprocess.run(
        ["git", "-C", str(FILE.parents[1]), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    about = {
        "at": datetime.now(UTC),
        "quick": quick,
        "commit": commit,
        "machine": machine(),
        "versions": runtime.versions(),
    }
    new = pa.Table.from_pylist([about | asdict(row) for row in rows])
    earlier = pq.read_table(FILE) if FILE.exists() else new.slice(0, 0)
    FILE.parent.mkdir(exist_ok=True)
    beside = FILE.with_suffix(".new")
    pq.write_table(pa.concat_tables([earlier, new], promote_options="default"), beside)
    beside.replace(FILE)
    same = [r for r in earlier.to_pylist() if (r["quick"], r["machine"]) == (quick, machine())]
    return {(r["group"], r["measure"]): r["value"] for r in same}


def machine():
    """The processor, how many cores may be used, and the products of fully connected layers.

    A virtual machine often hides the processor's name; its family and model tell it all the same.
    """
    read = devices.cpuinfo()
    model = read.get("model name", platform.machine())
    if "cpu family" in read:
        model += f" (family {read['cpu family']}, model {read['model']})"
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {PRODUCTS.name}"


def show(rows, last):
    """Print the table, in Markdown's form."""
    console = Console(width=200)
    console.print(f"{machine()}, one thread per process, {runtime.versions()}", highlight=False)
    table = Table(box=box.MARKDOWN)
    for name in ("", "measure"):
        table.add_column(name, no_wrap=True)
    for name in ("median", "quartiles", "wanted", "", "last"):
        table.add_column(name, justify="right")
    group = ""
    for row in rows:
        mark = {None: "", True: "yes", False: "NO"}[row.reached]
        before = last.get((row.group, row.measure))
        table.add_row(
            row.group if row.group != group else "",
            row.measure,
            f"{row.value:.4g} {row.unit}",
            "" if row.low == row.high else f"{row.low:.4g} to {row.high:.4g}",
            row.wanted,
            mark,
            "" if before is None else f"{before:.4g}",
        )
        group = row.group
    console.print(table)


def noise(shape, n, name="noise"):
    """Random images in MNIST's or CIFAR-10's shape, ``n`` for (train, validation, test)."""
    generator = np.random.default_rng(0)
    sizes = dict(zip(("train", "validation", "test"), n, strict=True))
    images = {s: generator.integers(0, 256, (k, *shape), np.uint8) for s, k in sizes.items()}
    labels = {s: generator.integers(0, 10, k) for s, k in sizes.items()}
    return Dataset(name, "", images, labels, 10, 255, np.full(shape, 0.5, np.float32), 0.29)


def trial(method="dense", **values):
    """A trial on these."""
    about = {"network": "lenet-300-100", "dataset": "noise", "weights": "he-constant", "seed": 1}
    return Trial(**about | {"epochs": 1} | values, method=method)
