"""Which trials on fresh seeds a study's finished tuning trials ask for; see `studies.tuned`."""

import math

from orchestrator import plan
from studies import tuned
from studies.store import Store
from studies.store.finished import finished
from studies.study import Study


def resolved(study: Study, *stores: Store) -> Study:
    """Return the study as it is to be run now.

    While tuning trials are missing, this is the study itself, whose tuned fields have trials only
    on the tuning seeds. Then it also has the trials on the fresh seeds, at what these chose.

    Args:
        study: the study.
        stores: its results, in one place or several.

    Raises:
        UserError: a trial that cannot be run, or results that cannot be read.
    """
    if not study.is_tuned:
        return study
    rows = finished(*stores).rows
    columns = (rows[name].to_pylist() for name in ("trial_id", "validation_accuracy"))
    recorded = dict(zip(*columns, strict=True))
    checked = zip(study.trials(), plan.check(study), strict=True)
    accuracies = {
        trial: _number(recorded[with_revisions.trial_id])
        for trial, with_revisions in checked
        if with_revisions.trial_id in recorded
    }
    try:
        return tuned.chosen(study, tuned.best(study, accuracies))
    except tuned.NotTunedError:
        return study


def _number(accuracy: float | None) -> float:
    """Return the accuracy by which a configuration is chosen."""
    return tuned.OF_A_FAILURE if accuracy is None or math.isnan(accuracy) else accuracy
