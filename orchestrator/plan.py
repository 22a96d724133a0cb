"""Plans a study: which of its trials are not finished yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

import trainers
from studies.errors import UserError
from studies.store import Store
from studies.store.finished import Finished, finished
from studies.study import Study
from studies.trial import FIELDS, SETTABLE, Trial

#: Gives all fields of a trial except its seed.
_WITHOUT_SEED = attrgetter(*(name for name in FIELDS if name != "seed"))


@dataclass(frozen=True)
class Plan:
    """A study's trials beside its results.

    Attributes:
        trials: all trials of the study, checked, in its order.
        results: the finished trials of this and of earlier definitions.
    """

    trials: tuple[Trial, ...]
    results: Finished

    @cached_property
    def todo(self) -> list[Trial]:
        """The trials that are not finished."""
        done = self.results.ids
        return [trial for trial in self.trials if trial.trial_id not in done]


def make(study: Study, store: Store) -> Plan:
    """Check a study's trials and look up which of them are finished.

    Raises:
        UserError: a trial that cannot be run, or results that cannot be read.
    """
    return Plan(tuple(check(study)), finished(store, need_masks=bool(study.keep_masks)))


def check(study: Study) -> list[Trial]:
    """Return the study's trials, checked by the trainers.

    A check ignores the seed, so trials that differ only in it are checked once.

    Raises:
        UserError: a trial that cannot be run; the message names the study and the field.
    """
    revisions: dict[tuple[object, ...], str] = {}
    trials = []
    for trial in study.trials():
        cell = _WITHOUT_SEED(trial)
        if cell not in revisions:
            try:
                revisions[cell] = trainers.check(trial, study.data).revisions
            except UserError as error:
                raise UserError(f"study {study.name}: {error}") from None
        mended = revisions[cell]
        trials.append(replace(trial, revisions=mended) if mended else trial)
    return trials


def cells(trials: Sequence[Trial]) -> tuple[list[str], dict[tuple[str, ...], list[str]]]:
    """Group trials into cells.

    Returns:
        The fields other than the seed in which the trials differ, or the method if there is none;
        and the ids of the trials by their values of these fields.
    """
    rows = [trial.values() for trial in trials]
    names = [n for n in SETTABLE if n != "seed" and len({row[n] for row in rows}) > 1]
    names = names or ["method"]
    ids: dict[tuple[str, ...], list[str]] = {}
    for trial, row in zip(trials, rows, strict=True):
        ids.setdefault(tuple(str(row[n]) for n in names), []).append(trial.trial_id)
    return names, ids
