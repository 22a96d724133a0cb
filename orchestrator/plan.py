"""What is left to do: the trials of a study that are not finished, grouped into packs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

import trainers
from studies.errors import UserError
from studies.results import Finished, finished
from studies.store import Store
from studies.study import Study
from studies.trial import FIELDS, Trial

#: Trials that differ in these fields only have the same shapes and steps, and can be trained in
#: lock-step.
_FREE = ("seed", "weights", "positive_fraction")
_MOST_TRIALS = 16


@dataclass(frozen=True)
class Plan:
    """A study held against its results.

    Attributes:
        trials: all trials of the study, checked, in its order.
        results: the finished trials, of this and of earlier definitions.
    """

    trials: tuple[Trial, ...]
    results: Finished

    @property
    def todo(self) -> list[Trial]:
        """The trials that are not finished."""
        done = self.results.ids
        return [trial for trial in self.trials if trial.trial_id not in done]


def make(study: Study, store: Store) -> Plan:
    """Check a study's trials and look up which of them are finished.

    Raises:
        UserError: a trial that cannot be run, or results that cannot be read.
    """
    return Plan(tuple(check(study)), finished(store))


def check(study: Study) -> list[Trial]:
    """The study's trials, each checked by the trainers; seeds make no difference to a check.

    Raises:
        UserError: names the study and the field.
    """
    checked: dict[Trial, str] = {}
    found = []
    for trial in study.trials():
        kind = replace(trial, seed=0)
        if kind not in checked:
            try:
                checked[kind] = trainers.check(trial, study.data).revisions
            except UserError as error:
                raise UserError(f"study {study.name}: {error}") from None
        stamp = checked[kind]
        found.append(replace(trial, revisions=stamp) if stamp else trial)
    return found


def pack_key(trial: Trial) -> tuple[object, ...]:
    """What trials must have in common to be trained in lock-step."""
    return tuple(getattr(trial, name) for name in FIELDS if name not in _FREE)


def packs(todo: Sequence[Trial], workers: int) -> list[list[Trial]]:
    """Group trials into packs, the unit that Ray Tune schedules.

    A pack is of one data set. It is small enough for all workers to end at about the same time,
    and large enough for the cost of scheduling it not to matter.

    Args:
        todo: the trials.
        workers: how many packs run at the same time.
    """
    size = min(_MOST_TRIALS, max(1, len(todo) // (4 * workers)))
    by_data_set = sorted(todo, key=attrgetter("dataset"))
    groups = [list(group) for _, group in groupby(by_data_set, key=attrgetter("dataset"))]
    return [group[i : i + size] for group in groups for i in range(0, len(group), size)]


def lock_step(pack: Sequence[Trial], device: str) -> list[list[Trial]]:
    """The order in which a worker trains a pack: groups that are trained side by side.

    On a CPU one trial after another, which is as fast and keeps their bits apart; on a GPU the
    trials of one `pack_key` together.
    """
    if device == "cpu":
        return [[trial] for trial in pack]
    return [list(group) for _, group in groupby(sorted(pack, key=_order), key=pack_key)]


def _order(trial: Trial) -> tuple[str, ...]:
    return tuple(str(value) for value in pack_key(trial))
