"""Ctrl-C and SIGTERM: the first ends a run in an orderly way, the second at once."""

import os
import signal
from types import FrameType

from ray.tune import Stopper


class Interrupts(Stopper):
    """Notes a signal while a run is going on, and tells Ray Tune to stop.

    Use it as a context around the run.

    Attributes:
        received: the signal's number, 0 as long as there was none.
    """

    def __init__(self) -> None:
        self.received = 0

    def __enter__(self) -> "Interrupts":
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """No single pack is stopped."""
        return False

    def stop_all(self) -> bool:
        """Whether a signal has come."""
        return bool(self.received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)  # Ray's own processes end when they notice
        self.received = number
        message = "\nstopping after the epochs that are running; once more to stop at once\n"
        os.write(2, message.encode())
