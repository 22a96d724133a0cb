"""Keeps the checkpoint of one pack with the study's results."""

import contextlib
import hashlib
import time
from collections.abc import Container, Sequence

from studies.errors import UserError
from studies.store import Store
from studies.trial import Trial


class CheckpointStore:
    """Keeps the checkpoint of a pack; see `trainers.checkpoints.CheckpointStore`.

    Checkpoints are a convenience: where one cannot be read or written, the trials train without.
    A checkpoint is found again by the same pack only: a GPU's pack that comes back in halves starts
    at epoch 0.

    Args:
        store: the study's results.
        pack: the trials.
        seconds: of training from one checkpoint to the next.
        existing: the keys of the checkpoints that exist.

    Attributes:
        key: the checkpoint's name.
        continued_from: the epoch of the checkpoint that the trials continue from, or None.
        used: whether there may be a checkpoint.
    """

    continued_from: int | None = None
    used: bool = False

    def __init__(
        self, store: Store, pack: Sequence[Trial], seconds: float, existing: Container[str]
    ) -> None:
        ids = ",".join(trial.trial_id for trial in pack)
        self.key = ids if len(pack) == 1 else hashlib.sha256(ids.encode()).hexdigest()[:12]
        self._store, self._seconds, self._last = store, seconds, time.monotonic()
        self._existing = existing

    def load(self) -> bytes | None:
        """The checkpoint's bytes, None if there is none."""
        if self.key not in self._existing:
            return None
        try:
            content = self._store.checkpoints.load(self.key)
        except UserError:  # the results cannot be listed just now
            return None
        self.used = content is not None
        return content

    def save(self, content: bytes) -> None:
        """Replace the checkpoint."""
        self.used = True
        with contextlib.suppress(OSError, UserError):
            self._store.checkpoints.save(self.key, content)
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the last checkpoint is old enough for another one."""
        return time.monotonic() - self._last > self._seconds
