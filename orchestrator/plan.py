"""What is left to do: the trials of a study that are not finished.

`remaining` decides it, for a run and its sessions, for `untuned status` and for the live view. What
counts as recorded is decided by `studies.store.finished`, which looks for proof, or for the live
view by the rows of `trials` alone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

import trainers
from studies.errors import UserError, unknown
from studies.store import Store
from studies.store.finished import Finished, failures, finished
from studies.study import Study
from studies.trial import FIELDS, SETTABLE, Trial

#: All fields of a trial except its seed.
_WITHOUT_SEED = attrgetter(*(name for name in FIELDS if name != "seed"))


#: The fields that decide which untrained network a seed gives, and what it is evaluated on; see
#: `trainers.measures.evaluation.evaluate_start`.
_START = (
    *("dataset", "source", "labels", "network", "width", "activation"),
    *("weights", "positive_fraction"),
)


@dataclass(frozen=True)
class Demand:
    """What definitions ask for.

    Attributes:
        trials: their trials, checked, in their order, each once.
        need_masks: ids of the trials whose masks must be kept.
    """

    trials: tuple[Trial, ...]
    need_masks: frozenset[str]

    def remaining(self, recorded: Collection[str], with_masks: Collection[str]) -> list[Trial]:
        """The trials that are still to be trained; see `remaining`."""
        return remaining(self.trials, recorded, with_masks, self.need_masks)


@dataclass(frozen=True)
class Plan:
    """What definitions ask for, compared with the results.

    Attributes:
        demand: what they ask for.
        results: the finished trials, of these and of other definitions.
    """

    demand: Demand
    results: Finished

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials that are asked for."""
        return self.demand.trials

    @cached_property
    def todo(self) -> list[Trial]:
        """The trials that are not finished."""
        return self.demand.remaining(self.results.ids, self.results.ids_with_masks)

    def failures(self, store: Store) -> dict[str, dict[str, Any]]:
        """For each trial that failed and is not finished, the row of its last failure."""
        missing = {trial.trial_id for trial in self.todo}
        columns = (self.results.rows[name].to_pylist() for name in ("trial_id", "finished_at"))
        finished_at = dict(zip(*columns, strict=True))
        rows = failures(store, self.results.ids - missing).items()
        return {
            trial_id: row for trial_id, row in rows if is_open_failure(row, missing, finished_at)
        }

    def reread(self, store: Store) -> "Plan":
        """The same demand compared with the results as they are now."""
        return replace(self, results=finished(store, masks=bool(self.demand.need_masks)))


def make(definitions: Iterable[Study], *stores: Store) -> Plan:
    """Check the trials of some definitions and look up which of them are finished.

    Args:
        definitions: the definitions.
        stores: the results of their study, in one place or several.

    Raises:
        UserError: a trial that cannot be run, or results that cannot be read.
    """
    asked = demand(definitions)
    return Plan(asked, finished(*stores, masks=bool(asked.need_masks)))


def demand(definitions: Iterable[Study]) -> Demand:
    """What some definitions ask for, each trial checked.

    Raises:
        UserError: a trial that cannot be run; it names the study and the field.
    """
    trials: dict[Trial, None] = {}
    need_masks = set[str]()
    for study in definitions:
        checked = check(study)
        trials |= dict.fromkeys(checked)
        if study.keep_masks:
            need_masks.update(trial.trial_id for trial in checked)
    return Demand(tuple(trials), frozenset(need_masks))


def remaining(
    trials: Iterable[Trial],
    recorded: Collection[str],
    with_masks: Collection[str],
    need_masks: Collection[str],
) -> list[Trial]:
    """The trials that are still to be trained, given those that are recorded.

    No other place decides this.

    Args:
        trials: those that are asked for.
        recorded: ids of the trials that have a row in `trials`, proven where the caller checks it.
        with_masks: ids of those among them whose masks were kept.
        need_masks: ids of the trials whose masks must be kept.
    """
    return [
        trial
        for trial in trials
        if trial.trial_id not in recorded
        or (trial.trial_id in need_masks and trial.trial_id not in with_masks)
    ]


def by_seed(trials: Iterable[Trial]) -> list[Trial]:
    """Sort trials so that all cells of a seed come before the next seed.

    What a run has finished when it is interrupted are then whole pairs. Within a seed, trials that
    start from the same network follow one another: a worker evaluates it once.
    """
    return sorted(trials, key=attrgetter("seed", *_START))


def is_open_failure(
    failure: Mapping[str, Any], missing: Collection[str], finished_at: Mapping[str, datetime]
) -> bool:
    """Whether a failure is still to be made good.

    A trial that was recorded without the masks that are wanted now trains again; of its failures
    those from before it was recorded are settled.

    Args:
        failure: a row of `failures`.
        missing: ids of the trials that are still to be trained.
        finished_at: of each recorded trial, when it finished.
    """
    trial_id = failure["trial_id"]
    if trial_id not in finished_at:
        return True
    return trial_id in missing and failure["failed_at"] > finished_at[trial_id]


def remaining_in(store: Store, trials: Iterable[Trial], need_masks: Collection[str]) -> list[Trial]:
    """The trials that are still to be trained according to the results; see `remaining`.

    Raises:
        UserError: the results cannot be read.
    """
    results = finished(store, masks=bool(need_masks))
    return remaining(trials, results.ids, results.ids_with_masks, need_masks)


def check(study: Study, trials: Iterable[Trial] | None = None) -> list[Trial]:
    """Return the study's trials, checked by the trainers.

    A check ignores the seed, so trials that differ only in it are checked once.

    Args:
        study: the study.
        trials: these of its trials and candidates instead of all of its trials.

    Raises:
        UserError: a trial that cannot be run; the message names the study and the field.
    """
    revisions: dict[tuple[object, ...], str] = {}
    checked = []
    for trial in study.trials() if trials is None else trials:
        cell = _WITHOUT_SEED(trial)
        if cell not in revisions:
            try:
                revisions[cell] = trainers.check(trial, study.data).revisions
            except UserError as error:
                raise UserError(f"study {study.name}: {error}") from None
        mended = revisions[cell]
        checked.append(replace(trial, revisions=mended) if mended else trial)
    return checked


def check_claims(study: Study) -> None:
    """Refuse claims that do not exist: the study would commit itself to none.

    Raises:
        UserError: there is no claim of this id.
    """
    if not study.claims:
        return
    from analysis.verdicts.claims import every_claim

    known = [claim.id for claim in every_claim()]
    for id_ in study.claims:
        if id_ not in known:
            raise UserError(f"study {study.name}: claims: {unknown('claim', id_, known)}")


def cells(trials: Sequence[Trial]) -> tuple[list[str], dict[tuple[str, ...], list[str]]]:
    """Group trials into cells.

    Returns:
        The fields other than the seed in which the trials differ, or the method if there is none;
        and the ids of the trials by their values of these fields.
    """
    rows = [trial.values() for trial in trials]
    names = [n for n in SETTABLE if n != "seed" and len({row[n] for row in rows}) > 1]
    names = names or ["method"]
    ids_by_cell: dict[tuple[str, ...], list[str]] = {}
    for trial, row in zip(trials, rows, strict=True):
        ids_by_cell.setdefault(tuple(str(row[n]) for n in names), []).append(trial.trial_id)
    return names, ids_by_cell
