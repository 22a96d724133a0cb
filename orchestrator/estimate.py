"""Estimates the time, memory and disk that a study takes, from a short test on this machine."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from orchestrator.execution.data_loading import data_set_names
from studies.roles import Role
from studies.schemas import TABLES
from studies.store.part_files import encode
from studies.store.writer import Row
from studies.trial import Trial, fields_with

if TYPE_CHECKING:
    from trainers.datasets import Dataset, Place

#: The tables that a worker writes a file of, and the seconds from one time to the next.
_WRITTEN, _FLUSH = ("layers", "epochs", "trials"), 10.0

#: Trials that agree in these fields are measured once.
_COSTLY = fields_with(Role.COST)
Kind = tuple[object, ...]

#: Seconds that the calibration may take in all, and for one kind of trial. A step that takes longer
#: is still taken twice.
_TOTAL, _LONGEST = 15.0, 0.5


@dataclass(frozen=True)
class Extent:
    """The properties of a data set that decide the cost of training on it.

    Attributes:
        shape: channels, height and width of an image.
        classes: the number of classes.
        training: images per epoch.
        evaluation: images in validation and test together.
    """

    shape: tuple[int, int, int]
    classes: int
    training: int
    evaluation: int


@dataclass(frozen=True)
class Cost:
    """The cost of one kind of trial.

    Attributes:
        start: seconds before the first evaluation, mostly for drawing weights.
        step: seconds of a training step.
        image: seconds to evaluate an image.
        row_bytes: bytes in memory of the rows that an epoch adds.
    """

    start: float
    step: float
    image: float
    row_bytes: float = 0.0

    def of(self, epochs: int, batch_size: int, extent: Extent) -> float:
        """Return the seconds of a trial.

        That is its steps and its evaluations; the training images are evaluated before the first
        epoch and after the last.
        """
        steps = epochs * math.ceil(extent.training / batch_size)
        images = (epochs + 1) * extent.evaluation + 2 * extent.training
        return self.start + steps * self.step + images * self.image


@dataclass(frozen=True)
class Estimate:
    """What a study is expected to take.

    Attributes:
        seconds: seconds of all trials one after another.
        memory: the most bytes that a worker takes.
        data: bytes of the data sets, which are in memory once.
        calibration: seconds that the estimate itself took.
        disk: bytes of results, roughly: rows are compressed on disk, but each file has a footer.
    """

    seconds: float
    memory: int
    data: int
    calibration: float
    disk: float


def estimate(
    todo: Sequence[Trial], places: "Mapping[str, Place]", device: str, engine: str = "mm"
) -> Estimate:
    """Estimate what the trials take, each alone on one worker.

    A data set that declares its extent is not read, and so not downloaded.

    Args:
        todo: the trials.
        places: where the data sets are, by name.
        device: the device to train on, as torch names it.
        engine: what fully connected layers are computed with on a CPU.

    Raises:
        UserError: a data set of the user's own cannot be read, or a network cannot take it.
    """
    from trainers import runtime

    started = time.monotonic()
    runtime.settle()
    extents = {name: _extent(name, places[name]) for name in data_set_names(todo)}
    kinds = {kind(trial): trial for trial in todo}
    where = _Where(device, engine)
    budget = min(_LONGEST, _TOTAL / max(1, len(kinds)))
    costs = {k: _measure(t, extents[t.dataset], budget, where) for k, t in kinds.items()}
    images = sum((e.training + e.evaluation) * math.prod(e.shape) for e in extents.values())
    calibration = time.monotonic() - started
    seconds = total(todo, costs, extents)
    disk = _disk(todo, costs, extents, seconds)
    return Estimate(seconds, runtime.peak_memory(), images, calibration, disk)


def total(
    todo: Sequence[Trial], costs: Mapping[Kind, Cost], extents: Mapping[str, Extent]
) -> float:
    """Return the seconds of all trials one after another, each with the epochs of all its rounds.

    Args:
        todo: the trials.
        costs: the cost of each `kind` of trial.
        extents: the extent of each data set, by name.
    """
    return sum(costs[kind(t)].of(_epochs(t), t.batch_size, extents[t.dataset]) for t in todo)


def _disk(
    todo: Sequence[Trial],
    costs: Mapping[Kind, Cost],
    extents: Mapping[str, Extent],
    seconds: float,
) -> float:
    """Return the bytes of the rows, of a bit per image and trial, and of the files' footers."""
    rows = sum((_epochs(trial) + 1) * costs[kind(trial)].row_bytes for trial in todo)
    answers = sum(extents[trial.dataset].evaluation / 8 for trial in todo)
    files = min(len(todo), seconds / _FLUSH + 1)
    return rows + answers + files * sum(len(encode(table, [])) for table in _WRITTEN)


def _epochs(trial: Trial) -> int:
    """The epochs of all rounds of a trial."""
    from trainers import methods

    return sum(methods.load(trial).rounds(trial))


def kind(trial: Trial) -> Kind:
    """Return what trials have in common whose steps take equally long."""
    return tuple(getattr(trial, name) for name in _COSTLY)


def _extent(name: str, place: "Place") -> Extent:
    from trainers import datasets, registry

    declared = registry.find("dataset", place.component).component.declared
    if declared.keys() >= {"SHAPE", "CLASSES", "IMAGES"}:
        return Extent(declared["SHAPE"], declared["CLASSES"], *declared["IMAGES"])
    data = datasets.load(name, place)
    sizes = {split: len(labels) for split, labels in data.labels.items()}
    return Extent(data.shape, data.classes, sizes["train"], sizes["validation"] + sizes["test"])


@dataclass(frozen=True)
class _Where:
    """What a trial is measured on: the device and the products of `trainers.products`."""

    device: str
    engine: str


def _measure(trial: Trial, extent: Extent, budget: float, where: _Where) -> Cost:
    """Train on noise twice: one step to warm up and time it, then as many as the budget allows."""
    first = _cost(trial, extent, 1, where)
    size = min(trial.batch_size, extent.training)
    step = first.step + 2 * size * first.image  # its images are evaluated twice
    return _cost(trial, extent, round(min(max(budget / step, 1), 200)), where)


def _cost(trial: Trial, extent: Extent, steps: int, where: _Where) -> Cost:
    from trainers import products
    from trainers.loop import train

    size = min(trial.batch_size, extent.training)
    data = _noise(extent, steps * size)
    started = time.perf_counter()
    one_epoch, by = replace(trial, epochs=1), products.by_name(where.engine)
    records = list(train([one_epoch], data, where.device, products=by))
    total_seconds = time.perf_counter() - started
    rows = [record.epoch for record in records]
    recorded = sum(row["train_seconds"] + row["evaluation_seconds"] for row in rows)
    images = sum(len(labels) for labels in data.labels.values())
    return Cost(
        start=max(0.0, total_seconds - recorded),
        step=rows[-1]["train_seconds"] / steps,  # 0 if the loss is not finite from the start
        image=rows[0]["evaluation_seconds"] / images,
        row_bytes=_in_memory("epochs", rows[:1]) + _in_memory("layers", records[0].layers),
    )


def _in_memory(table: str, rows: Sequence[Row]) -> int:
    return int(pa.Table.from_pylist(list(rows), schema=TABLES[table]).nbytes)


def _noise(extent: Extent, training: int) -> "Dataset":
    """Return a data set of random images of this shape."""
    from trainers.datasets import Dataset

    generator = np.random.default_rng(0)
    sizes = {"train": training, "validation": 50, "test": 50}
    return Dataset(
        name="noise",
        fingerprint="",
        images={
            s: generator.integers(0, 256, (n, *extent.shape), np.uint8) for s, n in sizes.items()
        },
        labels={s: generator.integers(0, extent.classes, n) for s, n in sizes.items()},
        classes=extent.classes,
        white=255,
        mean=np.full(extent.shape, 0.5, np.float32),
        std=0.29,
    )
