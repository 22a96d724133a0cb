"""TensorBoard: the curves of each trial, in a folder of its own."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.execution.loggers import Destination, Row, trial_name
from studies.errors import UserError
from studies.store.folder import try_writing
from studies.trial import Trial

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

#: TensorBoard's name for each curve, and the column of `epochs` that it shows.
_CURVES = {
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "validation_accuracy",
    "accuracy/test": "test_accuracy",
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "loss/test": "test_loss",
    "changed/all": "changed",
}


def check(destination: Destination) -> None:
    """Check that curves can be written; leave nothing behind.

    Raises:
        UserError: TensorBoard is not installed, or the folder cannot be made or written to.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError(
            "the logger tensorboard needs tensorboard: pip install 'untuned[tensorboard]' brings it"
        )
    folder = _folder(destination)
    try:
        try_writing(folder)
    except OSError as error:
        raise UserError(
            f"--tensorboard {folder}: cannot be written to ({error.strerror})"
        ) from None


def logger(destination: Destination) -> "TensorBoardLogger":
    """Return the logger of a run."""
    return TensorBoardLogger(_folder(destination))


class TensorBoardLogger:
    """Writes the curves of trials; see `orchestrator.execution.loggers.Logger`.

    Args:
        folder: the one that `tensorboard --logdir` is given.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, SummaryWriter] = {}

    def begin(self, trial: Trial) -> None:
        """Open a trial's curves; what an earlier attempt wrote there is hidden."""
        from torch.utils.tensorboard import SummaryWriter

        if trial.trial_id in self._open:
            self._open.pop(trial.trial_id).close()
        self._open[trial.trial_id] = SummaryWriter(self._folder / trial_name(trial), purge_step=0)

    def epoch(self, trial: Trial, row: Row) -> None:
        """Add an epoch."""
        writer = self._open[trial.trial_id]
        for tag, column in _CURVES.items():
            writer.add_scalar(tag, row[column], row["epoch"])
        for name, value in row.items():
            if name.startswith("changed/"):
                writer.add_scalar(name, value, row["epoch"])
        writer.flush()

    def end(self, trial: Trial, row: Row) -> None:
        """Close a trial's curves."""
        self._open.pop(trial.trial_id).close()

    def close(self) -> None:
        """Close the curves of trials that were stopped or failed."""
        while self._open:
            self._open.popitem()[1].close()


def _folder(destination: Destination) -> Path:
    """Return where the curves go: the folder that was given, or one beside the studies' results.

    Raises:
        UserError: none was given, and the results are not on a local disk.
    """
    if destination.tensorboard is not None:
        return Path(destination.tensorboard)
    if destination.results is None:
        raise UserError(
            "--logger tensorboard: the results are not on a local disk; give a folder for the "
            "curves with --tensorboard DIR"
        )
    return destination.results / "tensorboard"
