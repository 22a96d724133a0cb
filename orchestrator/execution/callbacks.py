"""What the driver does with the workers' reports, as Ray Tune's callback and stopper."""

import re
import sys
from pathlib import Path
from typing import Any

from ray.tune import Callback, Stopper

from orchestrator.execution.progress import Progress
from orchestrator.execution.retries import Retries
from orchestrator.execution.stop_signal import Stop


class StopRequested(Stopper):
    """Has Ray Tune stop all packs once the run is to end.

    Args:
        stop: says so.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """No single pack is stopped."""
        return False

    def stop_all(self) -> bool:
        """Whether all are."""
        return bool(self._stop)


class Callbacks(Callback):
    """Shows the progress, and sees to it that what goes wrong is recorded and said.

    Args:
        study: the study's name.
        total: trials to run.
        losses: records the trials whose workers died.
        stop: is told when going on is of no use.
        fail_fast: whether the first failure is reason enough.

    Attributes:
        errors: of workers, in words.
    """

    def __init__(
        self, study: str, total: int, losses: Retries, stop: Stop, *, fail_fast: bool
    ) -> None:
        self._study, self._losses, self._stop = study, losses, stop
        self._fail_fast = fail_fast
        self._progress = Progress(study, total)
        self._said = set[str]()
        self.errors: list[str] = []

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Open the bar (here, because Ray Tune copies callbacks before it starts)."""
        self._progress.open()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A pack starts."""
        self._progress.show(_running(trials))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A worker reports."""
        failed = result.get("failed", 0)
        self._progress.note(trial.trial_id, result)
        self._note_trouble(result.get("trouble", ""), result.get("hopeless", False))
        if failed and self._fail_fast:
            self._stop.reason = "a trial failed, and --fail-fast was given"
        self._progress.show(_running(trials))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A worker died; its pack's unfinished trials come again."""
        reason = _reason(trial)
        self.errors.append(reason)
        if self._losses.explain(trial.trial_id, reason) and self._fail_fast:
            self._stop.reason = "a trial's worker died, and --fail-fast was given"
        self._progress.lose(trial.trial_id)
        self._progress.show(_running(trials))

    def close(self) -> None:
        """Close the bar."""
        self._progress.close()

    def _note_trouble(self, words: str, hopeless: bool) -> None:
        """Say what keeps workers from writing, once for each folder and reason."""
        if hopeless:
            self._stop.reason = f"results cannot be written: {words}"
        kind = re.sub(r"[^/]*: |\(.*", "", words)  # without the file's name and size
        if words and kind not in self._said:
            self._said.add(kind)
            print(f"{self._study}: waiting, since {words}", file=sys.stderr)


def _reason(trial: Any) -> str:
    """What Ray says of a worker's death (its own way to ask looks where it is not yet)."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    except (OSError, TypeError):  # nothing was written
        return "a worker died"


def _running(trials: list[Any]) -> int:
    return sum(trial.status == "RUNNING" for trial in trials)
