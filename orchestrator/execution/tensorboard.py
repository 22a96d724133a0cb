"""Curves of trials for TensorBoard, live: a courtesy beside the results, which hold all of it."""

import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from studies.errors import UserError
from studies.store.folder import try_writing
from studies.trial import FIELDS, SETTABLE, Trial

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from trainers.recording import Record

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
#: Characters of a folder's name; the id at its end tells trials apart in any case.
_LONGEST = 200


def check(folder: str | None) -> None:
    """Check that curves can be written, where a folder for them is given; leave nothing behind.

    Raises:
        UserError: TensorBoard is not installed, or the folder cannot be made or written to.
    """
    if folder is None:
        return
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError(
            "--tensorboard needs tensorboard: pip install 'untuned[tensorboard]' brings it"
        )
    try:
        try_writing(Path(folder), b"")
    except OSError as error:
        raise UserError(
            f"--tensorboard {folder}: cannot be written to ({error.strerror})"
        ) from None


class TensorBoardCurves:
    """Writes the curves of trials, in a folder each.

    Args:
        folder: the one that `tensorboard --logdir` is given.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._open: dict[str, SummaryWriter] = {}

    def write(self, record: "Record") -> None:
        """Add an epoch of a trial; where it cannot be written, the trial goes on all the same."""
        with contextlib.suppress(OSError):
            writer, epoch = self._writer(record), record.epoch["epoch"]
            for tag, column in _CURVES.items():
                writer.add_scalar(tag, record.epoch[column], epoch)
            for row in record.layers:
                changed = (row["mask_negative"] + row["mask_zero"]) / row["connections"]
                tag = f"changed/{row['layer_name']}"
                writer.add_scalar(tag, changed, epoch)
            writer.flush()
            if record.final:
                self._open.pop(record.trial.trial_id).close()

    def close(self) -> None:
        """Close the curves of trials that were stopped or failed."""
        while self._open:
            with contextlib.suppress(OSError):
                self._open.popitem()[1].close()

    def _writer(self, record: "Record") -> "SummaryWriter":
        """A trial's writer; it hides what an earlier attempt wrote from this epoch on."""
        from torch.utils.tensorboard import SummaryWriter

        trial = record.trial
        if trial.trial_id not in self._open:
            self._open[trial.trial_id] = SummaryWriter(
                self._folder / name(trial), purge_step=record.epoch["epoch"]
            )
        return self._open[trial.trial_id]


def name(trial: Trial) -> str:
    """A trial's folder: its fields that are not at their default, and its id."""
    fields = [
        str(value) if isinstance(value, str) else f"{field}={value}"
        for field in SETTABLE
        if (value := getattr(trial, field)) != FIELDS[field].default
    ]
    return f"{','.join(fields)[:_LONGEST]},{trial.trial_id}".replace("/", "_")
