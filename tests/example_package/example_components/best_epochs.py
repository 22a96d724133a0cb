"""A logger: a line of text for each trial that ends, with its best epoch by validation."""

from pathlib import Path

from orchestrator.execution.loggers import Destination, Row
from studies.errors import UserError
from studies.trial import Trial


def check(destination: Destination) -> None:
    """Refuse results that are not on a local disk, before the run starts anything."""
    if destination.results is None:
        raise UserError("--logger best-epochs: give --results on a local disk")


def logger(destination: Destination) -> "BestEpochs":
    """Return the logger of a run."""
    return BestEpochs(destination.results / f"{destination.study}-best-epochs.txt")


class BestEpochs:
    """Remembers the best epoch of each trial in training, and writes it down at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._best: dict[str, tuple[float, int]] = {}

    def begin(self, trial: Trial) -> None:
        """Begin a trial, perhaps for a second time."""
        self._best[trial.trial_id] = (0.0, 0)

    def epoch(self, trial: Trial, row: Row) -> None:
        """Compare an epoch with the best one before it."""
        reached = (row["validation_accuracy"], row["epoch"])
        self._best[trial.trial_id] = max(self._best[trial.trial_id], reached)

    def end(self, trial: Trial, row: Row) -> None:
        """Write a line."""
        accuracy, epoch = self._best.pop(trial.trial_id)
        with self._file.open("a", encoding="utf-8") as file:
            print(trial.trial_id, trial.method, row["outcome"], epoch, accuracy, file=file)

    def close(self) -> None:
        """Do nothing: no file is open."""
