"""What is looked at before a run starts, in a process of its own: data sets and networks.

So the run's own process needs no PyTorch, and starts Ray meanwhile.
"""

import multiprocessing
import signal
import traceback
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from studies.errors import UserError
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset, Place


def data_sets(trials: Iterable[Trial]) -> list[str]:
    """The names of the data sets that trials are trained on, first or last, each once."""
    named = (name for trial in trials for name in (trial.dataset, trial.source) if name)
    return list(dict.fromkeys(named))


def check_source(source: "Dataset", data: "Dataset") -> None:
    """See that one network can be trained on two data sets.

    Raises:
        UserError: their images differ in shape, or they in the number of classes.
    """
    kinds = [(one.shape, one.classes) for one in (source, data)]
    if kinds[0] != kinds[1]:
        said = [f"{h}x{w}x{c} in {classes} classes" for (c, h, w), classes in kinds]
        raise UserError(
            f"source: {source.name} has images of {said[0]}, but {data.name} of {said[1]}; give "
            "one of the same shape and number of classes"
        )


class Reading:
    """Reads the data sets of a run; use it as a context around what is done meanwhile.

    Args:
        todo: the trials.
        places: where each data set lies.
        earlier: the fingerprints of the data sets that finished trials were trained on.
    """

    def __init__(
        self, todo: Sequence[Trial], places: "Mapping[str, Place]", earlier: Mapping[str, str]
    ) -> None:
        kinds = {(t.dataset, t.source, t.network, t.width, t.activation): t for t in todo}
        self._asked = [
            (n, places[n], earlier.get(n), [t for t in kinds.values() if n in data_sets([t])])
            for n in data_sets(todo)
        ]

    def __enter__(self) -> "Reading":
        # Not forked: the process is to be free of what Ray does here.
        context = multiprocessing.get_context("spawn")
        self._answers, answers = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(answers, self._asked), daemon=True)
        # Ctrl-C is for the run, which ends this process; what is ignored here is ignored there.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._process.start()
        signal.signal(signal.SIGINT, before)
        answers.close()  # ours: with the process's own gone, waiting for it ends
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()
        self._answers.close()

    def sets(self) -> "dict[str, Dataset]":
        """The data sets by name; waits for them.

        Raises:
            UserError: see `read`; or a source is of another kind than what follows it.
            RuntimeError: the process has died.
        """
        found = {name: self._next() for name, *_ in self._asked}
        self._process.join()
        for *_, kinds in self._asked:
            for trial in kinds:
                if trial.source:
                    check_source(found[trial.source], found[trial.dataset])
        return found

    def _next(self) -> "Dataset":
        try:
            answer: Dataset | Exception = self._answers.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            raise RuntimeError(f"the process that reads the data sets died ({code})") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(answers: Connection, asked: Sequence[tuple[object, ...]]) -> None:
    """Send the data sets, up to the first that cannot be read: then what is wrong."""
    for one in asked:
        try:
            answers.send(read(*one))  # type: ignore[arg-type]
        except Exception as error:
            error.add_note(traceback.format_exc())
            answers.send(error)
            return


def read(name: str, place: "Place", earlier: str | None, kinds: Sequence[Trial]) -> "Dataset":
    """Read a data set, and see that it is the right one and that the networks can take it.

    Args:
        name: the data set's.
        place: where it lies; what is not there is downloaded if it can be.
        earlier: the fingerprint of the one that finished trials were trained on.
        kinds: a trial for each network that is trained on it.

    Raises:
        UserError: the data set is missing, damaged, or not the one that earlier trials were
            trained on; or a network cannot take it.
    """
    from trainers import datasets, networks

    data = datasets.load(name, place)
    if earlier not in (None, data.fingerprint):
        raise UserError(
            f"data set {name} in {place.root} is not the one that the finished trials were trained "
            f"on (fingerprint {data.fingerprint}, recorded {earlier}); "
            "name the right one with --data, or other results with --results"
        )
    for trial in kinds:
        networks.build(trial, data.shape, data.classes)
    return data
