"""Reads the data sets and checks the networks of a run before it starts, in another process.

So the run's own process needs no PyTorch. It has the data sets before that process imports PyTorch,
which the check of the networks needs and which takes longer; Ray starts meanwhile.
"""

import os
import traceback
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from orchestrator.execution import spawned
from studies import garbage
from studies.errors import UserError
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset, Place


def data_set_names(trials: Iterable[Trial]) -> list[str]:
    """The names of the data sets that trials use, as data set or as source, each once."""
    names = (name for trial in trials for name in (trial.dataset, trial.source) if name)
    return list(dict.fromkeys(names))


def check_source(source: "Dataset", data: "Dataset") -> None:
    """Refuse two data sets that one network cannot be trained on.

    Raises:
        UserError: they differ in the shape of their images or the number of classes.
    """
    formats = [(dataset.shape, dataset.classes) for dataset in (source, data)]
    if formats[0] != formats[1]:
        words = [f"{h}x{w}x{c} in {classes} classes" for (c, h, w), classes in formats]
        raise UserError(
            f"source: {source.name} has images of {words[0]}, but {data.name} of {words[1]}; give "
            "one of the same shape and number of classes"
        )


@dataclass(frozen=True)
class DataTask:
    """A data set to read, and what to check about it.

    Attributes:
        name: of the data set.
        place: where it is read from; it is downloaded if it is not there and can be.
        fingerprint: of the one that finished trials were trained on; None where none were.
        trials: one for each network that is trained on it.
        engine: what fully connected layers are computed with on a CPU.
    """

    name: str
    place: "Place"
    fingerprint: str | None
    trials: Sequence[Trial]
    engine: str = "mm"


class DataLoading:
    """Reads the data sets of a run and then checks its networks.

    Use it as a context around what is done meanwhile, and call `datasets` and then `check_networks`
    in it.

    Args:
        todo: the trials.
        places: where each data set is read from.
        fingerprints: of the data sets that finished trials were trained on.
        engine: what fully connected layers are computed with on a CPU.
    """

    def __init__(
        self,
        todo: Sequence[Trial],
        places: "Mapping[str, Place]",
        fingerprints: Mapping[str, str],
        engine: str = "mm",
    ) -> None:
        kinds = {(t.dataset, t.source, t.network, t.width, t.activation): t for t in todo}
        self._tasks = [
            DataTask(
                name,
                places[name],
                fingerprints.get(name),
                [trial for trial in kinds.values() if name in data_set_names([trial])],
                engine,
            )
            for name in data_set_names(todo)
        ]

    def __enter__(self) -> "DataLoading":
        self._process, self._answers = spawned.start(_serve, self._tasks, daemon=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()
        self._answers.close()

    def datasets(self) -> "dict[str, Dataset]":
        """The data sets by name; waits for them.

        Raises:
            UserError: see `read`; or a source does not fit the data set that follows it.
            RuntimeError: the process has died.
        """
        datasets = {task.name: self._next() for task in self._tasks}
        for task in self._tasks:
            for trial in task.trials:
                if trial.source:
                    check_source(datasets[trial.source], datasets[trial.dataset])
        return datasets

    def check_networks(self) -> None:
        """Wait until the networks are checked.

        Raises:
            UserError: a network cannot take the images of its data set.
            RuntimeError: the process has died.
        """
        self._next()

    def _next(self) -> Any:
        try:
            answer = self._answers.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            raise RuntimeError(f"the process that reads the data sets died ({code})") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


class InlineDataLoading(DataLoading):
    """The same in this process, which does nothing meanwhile."""

    def __enter__(self) -> "InlineDataLoading":
        self._work = _work(self._tasks)
        return self

    def __exit__(self, *error: object) -> None:
        self._work.close()

    def _next(self) -> Any:
        return next(self._work)


def _serve(answers: Connection, tasks: Sequence[DataTask]) -> None:
    """Send each data set, then None once the networks are checked; or the first error."""
    try:
        for answer in _work(tasks):
            answers.send(answer)
    except Exception as error:
        error.add_note(traceback.format_exc())
        answers.send(error)
    os._exit(0)  # an orderly end takes long after importing PyTorch, and others need the CPU


def _work(tasks: Sequence[DataTask]) -> "Generator[Dataset | None]":
    """Yield each data set, then None once the networks are checked."""
    loaded = []
    for task in tasks:
        loaded.append(read(task))
        yield loaded[-1]
    with garbage.not_collected():
        for task, data in zip(tasks, loaded, strict=True):
            check_networks(task, data)
    yield None


def read(task: DataTask) -> "Dataset":
    """Read a data set and check that it is the right one.

    Raises:
        UserError: the data set is missing, damaged, or not the one that earlier trials were
            trained on.
    """
    from trainers import datasets

    data = datasets.load(task.name, task.place)
    if task.fingerprint not in (None, data.fingerprint):
        raise UserError(
            f"data set {task.name} in {task.place.root} is not the one that the finished trials "
            f"were trained on (fingerprint {data.fingerprint}, recorded {task.fingerprint}); "
            "name the right one with --data, or other results with --results"
        )
    return data


def check_networks(task: DataTask, data: "Dataset") -> None:
    """Check that networks can take the images of a data set.

    Raises:
        UserError: one cannot, or PyTorch here lacks the engine.
    """
    from trainers import networks, products

    for trial in task.trials:
        networks.build(trial, data.shape, data.classes, products.by_name(task.engine))
