"""What is left to do: the trials of a study that are not finished."""

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

#: All fields of a trial but its seed.
_SETTING = attrgetter(*(name for name in FIELDS if name != "seed"))


@dataclass(frozen=True)
class Plan:
    """A study held against its results.

    Attributes:
        trials: all trials of the study, checked, in its order.
        results: the finished trials, of this and of earlier definitions.
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
    """The study's trials, each checked by the trainers; seeds make no difference to a check.

    Raises:
        UserError: names the study and the field.
    """
    stamps: dict[tuple[object, ...], str] = {}
    found = []
    for trial in study.trials():
        setting = _SETTING(trial)
        if setting not in stamps:
            try:
                stamps[setting] = trainers.check(trial, study.data).revisions
            except UserError as error:
                raise UserError(f"study {study.name}: {error}") from None
        stamp = stamps[setting]
        found.append(replace(trial, revisions=stamp) if stamp else trial)
    return found


def cells(trials: Sequence[Trial]) -> tuple[list[str], dict[tuple[str, ...], list[str]]]:
    """The fields other than the seed in which trials differ, and the trials' ids by their values.

    Where all agree, the method is named.
    """
    rows = [trial.values() for trial in trials]
    names = [n for n in SETTABLE if n != "seed" and len({row[n] for row in rows}) > 1]
    names = names or ["method"]
    found: dict[tuple[str, ...], list[str]] = {}
    for trial, row in zip(trials, rows, strict=True):
        found.setdefault(tuple(str(row[n]) for n in names), []).append(trial.trial_id)
    return names, found
