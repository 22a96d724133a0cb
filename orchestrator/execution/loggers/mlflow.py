"""MLflow: a run per trial, in an experiment named after the study.

Where it logs is MLFLOW_TRACKING_URI, a server or a database, or else ``mlflow.db``, an SQLite file
beside the studies' results. (`mlflow ui --backend-store-uri sqlite:///results/mlflow.db` shows it.)
"""

import contextlib
import importlib.util
import logging
import os
import time
from typing import TYPE_CHECKING

from orchestrator.execution.loggers import Destination, Row, numbers, trial_name
from studies.errors import UserError
from studies.store.folder import try_writing
from studies.trial import SETTABLE, Trial

if TYPE_CHECKING:
    from mlflow.entities import Metric

#: The variable in which the user names another place.
URI = "MLFLOW_TRACKING_URI"
#: What tells the runs of a trial; a trial has one that is not deleted.
_TRIAL = "untuned.trial_id"
#: Epochs of a trial are sent together: when this many seconds are over, or at its end.
_SECONDS = 5.0
#: The most figures that MLflow takes at once.
_MOST = 1000
#: MLflow's own defaults would have a run wait for minutes for a server that does not answer, and
#: report how it is used.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def check(destination: Destination) -> None:
    """Check that MLflow is installed and that its database can be written; leave nothing behind.

    Raises:
        UserError: a package is missing, or there is no place for the database.
    """
    uri = _uri(destination)
    is_database = "://" in uri and not uri.startswith("http")
    for package in ("mlflow", *(("sqlalchemy", "alembic") if is_database else ())):
        if importlib.util.find_spec(package) is None:
            raise UserError(
                f"the logger mlflow needs {package}: pip install 'untuned[mlflow]' brings it"
            )
    if URI not in os.environ and destination.results is not None:
        try:
            try_writing(destination.results)
        except OSError as error:
            raise UserError(
                f"--logger mlflow: {destination.results} cannot be written to ({error.strerror})"
            ) from None


def logger(destination: Destination) -> "MlflowLogger":
    """Return the logger of a run; a database is made if there is none."""
    return MlflowLogger(destination.study, _uri(destination))


class MlflowLogger:
    """Logs trials as runs of MLflow; see `orchestrator.execution.loggers.Logger`.

    A run has the trial's fields as parameters, its figures as metrics with the epoch as their step,
    and how it ended and ran as tags. A trial that begins again gets a new run, and the one before
    is deleted (as MLflow deletes: it can be restored).

    Args:
        study: the name of the experiment.
        uri: MLflow's tracking URI.
    """

    def __init__(self, study: str, uri: str) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        if uri.startswith("sqlite:"):
            logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
            logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=uri)
        self._study, self._experiment = study, self._found_or_made(study)
        #: By trial: its run, the figures that are not sent, and when some were sent last.
        self._runs: dict[str, str] = {}
        self._waiting: dict[str, list[Metric]] = {}
        self._sent: dict[str, float] = {}

    def begin(self, trial: Trial) -> None:
        """Make a trial's run, and delete an earlier one."""
        earlier = self._client.search_runs(
            [self._experiment], f"tags.`{_TRIAL}` = '{trial.trial_id}'"
        )
        for run in earlier:
            self._client.delete_run(run.info.run_id)
        tags = {_TRIAL: trial.trial_id, "untuned.study": self._study}
        made = self._client.create_run(self._experiment, tags=tags, run_name=trial_name(trial))
        from mlflow.entities import Param

        fields = [Param(name, str(getattr(trial, name))) for name in SETTABLE]
        self._client.log_batch(made.info.run_id, params=fields)
        self._runs[trial.trial_id] = made.info.run_id
        self._waiting[trial.trial_id], self._sent[trial.trial_id] = [], time.monotonic()

    def epoch(self, trial: Trial, row: Row) -> None:
        """Add an epoch."""
        self._add(trial.trial_id, row, row["epoch"])
        if time.monotonic() - self._sent[trial.trial_id] > _SECONDS:
            self._send(trial.trial_id)

    def end(self, trial: Trial, row: Row) -> None:
        """End a trial's run as finished, whatever its outcome; a tag says which it was."""
        from mlflow.entities import RunTag

        trial_id = trial.trial_id
        self._add(trial_id, row, row["last_epoch"])
        self._send(trial_id)
        tags = [RunTag(f"untuned.{k}", v) for k, v in row.items() if isinstance(v, str)]
        self._client.log_batch(self._runs[trial_id], tags=tags)
        self._client.set_terminated(self._runs.pop(trial_id))

    def close(self) -> None:
        """Mark the runs of trials that were stopped or failed as killed."""
        while self._runs:
            trial_id = next(iter(self._runs))
            self._send(trial_id)
            self._client.set_terminated(self._runs.pop(trial_id), status="KILLED")

    def _add(self, trial_id: str, row: Row, epoch: int) -> None:
        """Keep an epoch's figures until they are sent; one that is kept already stays."""
        from mlflow.entities import Metric

        now, waiting = int(time.time() * 1000), self._waiting[trial_id]
        there = {(metric.key, metric.step) for metric in waiting}
        waiting += [
            Metric(name, value, now, epoch)
            for name, value in numbers(row).items()
            if name not in ("epoch", "last_epoch") and (name, epoch) not in there
        ]

    def _send(self, trial_id: str) -> None:
        """Send the figures that wait."""
        waiting = self._waiting[trial_id]
        for start in range(0, len(waiting), _MOST):
            self._client.log_batch(self._runs[trial_id], metrics=waiting[start : start + _MOST])
        self._waiting[trial_id], self._sent[trial_id] = [], time.monotonic()

    def _found_or_made(self, name: str) -> str:
        """Return the id of an experiment; two runs may make it at once."""
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            with contextlib.suppress(MlflowException):
                return str(self._client.create_experiment(name))
            found = self._client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise RuntimeError(f"the experiment {name} was deleted in MLflow; restore it there")
        return str(found.experiment_id)


def _uri(destination: Destination) -> str:
    """Return where MLflow logs.

    Raises:
        UserError: no place is given, and the results are not on a local disk.
    """
    if given := os.environ.get(URI):
        return given
    if destination.results is None:
        raise UserError(
            f"--logger mlflow: the results are not on a local disk; name a server or a database in "
            f"{URI}"
        )
    return f"sqlite:///{destination.results / 'mlflow.db'}"
