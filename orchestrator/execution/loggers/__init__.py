"""Loggers: they show trials in other tools, such as TensorBoard and MLflow, while these train.

A logger is one file in this folder, named after it; another package adds some through the entry
points ``untuned.loggers``, each naming a module. Such a file defines

    logger(destination: Destination) -> Logger

and perhaps ``check(destination)``, which is called before a run starts anything and raises a
`studies.errors.UserError` where the logger cannot work; it should import nothing slow.

The session of a run calls the loggers, in one thread of one process, with what its workers report.
So a logger is called alike whatever trains (this process, Ray's workers, a cluster), and runs that
have joined each log what they train themselves. What the reports miss, because a run was stopped or
a worker died, is read in the results when the session ends.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.execution.messages import LoggedEpoch
from studies.components import Component, by_entry_point, in_folder, without_namesakes
from studies.errors import unknown
from studies.schemas import FIGURES, TRIALS
from studies.store import Store
from studies.trial import FIELDS, SETTABLE, Trial

if TYPE_CHECKING:
    from orchestrator.execution.messages import RunOptions

#: The group of entry points of loggers in other packages.
GROUP = "untuned.loggers"
_EPOCH = ("epoch", *FIGURES, "train_seconds", "evaluation_seconds")
#: Columns of `trials` that a logger does not get: the trial itself, keys, bytes and lists.
_HIDDEN = {"trial_id", "attempt", "trial", "test_correct", "finished_at", *FIELDS}
_FINAL = tuple(name for name in TRIALS.names if name not in _HIDDEN and not name.endswith("_parts"))
#: Characters of a trial's name; the id at its end tells trials apart in any case.
_LONGEST = 200

Row = Mapping[str, Any]


class Logger(Protocol):
    """Takes the trials of a run, each with its epochs; several may be in training at once.

    What a method raises ends this logger for the run, with a warning; trials are not affected.
    """

    def begin(self, trial: Trial) -> None:
        """Begin a trial, or begin it again: what was logged of it before no longer counts.

        A trial begins again if its worker died, or if a run that was stopped goes on with it. All
        of its epochs then come once more.
        """

    def epoch(self, trial: Trial, row: Row) -> None:
        """Log an epoch.

        Args:
            trial: the trial.
            row: the columns of the table `epochs`, from epoch 0 (before training) on, and for each
                layer ``changed/NAME``, the fraction of its connections that are pruned or flipped.
                Figures that do not exist are None.
        """

    def end(self, trial: Trial, row: Row) -> None:
        """End a trial that is finished.

        Args:
            trial: the trial.
            row: the columns of the table `trials`, without fields, bytes and lists: its outcome,
                its figures after the last epoch, and where and how it ran.
        """

    def close(self) -> None:
        """End the log: trials that have begun and not ended were stopped or failed."""


@dataclass(frozen=True)
class Destination:
    """What a logger is made for.

    Attributes:
        study: the study's name.
        results: the folder of all results if it is on a local disk, else None.
        tensorboard: the folder that was given with --tensorboard, or None.
    """

    study: str
    results: Path | None
    tensorboard: str | None = None

    @classmethod
    def of(cls, store: Store, options: "RunOptions") -> "Destination":
        """The destination of a run."""
        place = store.local_path
        return cls(store.study, place.parent if place else None, options.tensorboard)


def names() -> list[str]:
    """Return the names of all loggers."""
    return list(_components())


def check(chosen: Iterable[str], destination: Destination) -> None:
    """Check that loggers can be used, before anything starts.

    Raises:
        UserError: there is no such logger, or it cannot work.
    """
    for name in chosen:
        module = _find(name).load()
        if hasattr(module, "check"):
            module.check(destination)


def trial_name(trial: Trial) -> str:
    """Return a name for a trial: its fields that are not at their default, and its id."""
    fields = [
        str(value) if isinstance(value, str) else f"{field}={value}"
        for field in SETTABLE
        if (value := getattr(trial, field)) != FIELDS[field].default
    ]
    return f"{','.join(fields)[:_LONGEST]},{trial.trial_id}".replace("/", "_")


def logged_epoch(
    trial_id: str, epoch: Row, layers: Iterable[Row], final: Row | None
) -> LoggedEpoch:
    """Return what loggers get of a trial after an epoch.

    Args:
        trial_id: the trial.
        epoch: its row of `epochs`.
        layers: its rows of `layers`.
        final: after the last epoch its row of `trials`, else None.
    """
    row = {name: epoch.get(name) for name in _EPOCH}
    for layer in layers:
        changed = (layer["mask_negative"] + layer["mask_zero"]) / layer["connections"]
        row[f"changed/{layer['layer_name']}"] = changed
    last = None if final is None else {name: final.get(name) for name in _FINAL}
    return LoggedEpoch(trial_id, row, last)


class Loggers:
    """The loggers of a session.

    Args:
        chosen: their names.
        destination: see `Destination`.
        trials: all trials that the session may train.
    """

    def __init__(
        self, chosen: Sequence[str], destination: Destination, trials: Iterable[Trial]
    ) -> None:
        self._destination = destination
        self._trials = {trial.trial_id: trial for trial in trials} if chosen else {}
        #: The loggers that work; one is made when it is first needed, which may take seconds.
        self._working: dict[str, Logger | None] = dict.fromkeys(chosen)
        self._ended = set[str]()

    def note(self, epochs: Iterable[LoggedEpoch]) -> None:
        """Take epochs of trials, those of a trial in their order."""
        for one in epochs:
            trial = self._trials[one.trial_id]
            if one.epoch["epoch"] == 0:
                self._call("begin", trial)
            self._call("epoch", trial, one.epoch)
            if one.final is not None:
                self._call("end", trial, one.final)
                self._ended.add(one.trial_id)

    def complete(self, store: Store, ids: Collection[str]) -> None:
        """Log the finished ones among trials whose end was not reported, from the results.

        Args:
            store: the results.
            ids: the trials that the session has handed out.
        """
        missing = self._trials.keys() & set(ids) - self._ended
        if not missing or not self._working:
            return
        from studies.store.finished import finished, of_trial

        done = finished(store)
        for trial_id in sorted(missing & done.ids):
            final = done.row(trial_id)
            epochs, layers = (
                of_trial(store, done, table, final).to_pylist() for table in ("epochs", "layers")
            )
            for epoch in epochs:
                of_epoch = [layer for layer in layers if layer["epoch"] == epoch["epoch"]]
                last = final if epoch["epoch"] == final["last_epoch"] else None
                self.note([logged_epoch(trial_id, epoch, of_epoch, last)])

    def close(self) -> None:
        """Close all of them."""
        for name, logger in list(self._working.items()):
            if logger is not None:
                self._try(name, logger.close)
        self._working.clear()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray Tune pickles what knows them, and never restores it."""
        return {}

    def _call(self, method: str, *arguments: Any) -> None:
        for name in list(self._working):
            self._try(name, lambda name=name: getattr(self._made(name), method)(*arguments))

    def _made(self, name: str) -> Logger:
        """Return a logger, made when it is first asked for."""
        logger = self._working[name]
        if logger is None:
            logger = self._working[name] = _find(name).load().logger(self._destination)
        return logger

    def _try(self, name: str, call: Any) -> None:
        """Call a logger; if that raises, say so and leave it alone from now on."""
        try:
            call()
        except Exception as error:  # whatever its author wrote: trials go on
            self._working.pop(name, None)
            reason = str(error).strip().partition("\n")[0]
            print(
                f"untuned: logger {name} failed ({type(error).__name__}: {reason}); the run goes "
                "on without it",
                file=sys.stderr,
            )


def numbers(row: Row) -> dict[str, float]:
    """Return the numbers of a row that exist; nan and infinities are among them."""
    return {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _find(name: str) -> Component:
    known = _components()
    if name not in known:
        raise unknown("logger", name, known)
    return known[name]


def _components() -> dict[str, Component]:
    """Return all loggers by name: those of this folder, then those of other packages.

    One of another package whose name is taken is left out, see `studies.components.left_out`.
    """
    own = {one.name: one for one in _own()}
    return without_namesakes(own, by_entry_point("logger", GROUP, {}))


@cache
def _own() -> list[Component]:
    return [one for folder in __path__ for one in in_folder("logger", Path(folder), __name__, {})]
