"""Joins what two places recorded of a study: its definitions, and what was known at each.

A definition is committed to a trial if it was recorded before any trial with its seed was finished
(`analysis.verdicts.committed`). The register of a definition says so without a clock, but only for
the place where it was written. When results of two places are joined, the earlier record of a
definition counts. To what was known then, the trials of the other place are added that were
finished before it. So a join neither makes a definition look earlier than the trials that it was
written after, nor takes from it the trials that came later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from studies.store import Store
from studies.store.definitions import Finish, Known, Recorded


@dataclass(frozen=True)
class Register:
    """What one place recorded of a study.

    Attributes:
        definitions: as they were recorded there.
        finishes: when each trial was finished there, in this study or in one beside it.
    """

    definitions: Sequence[Recorded]
    finishes: Mapping[str, Finish]

    @classmethod
    def of(cls, store: Store) -> "Register":
        """Read the register of a study's results.

        Raises:
            UserError: it cannot be read.
        """
        return cls(store.definitions.recorded(), store.definitions.finishes())


def joined(here: Register, there: Register) -> list[Recorded]:
    """Return the definitions of both places, the earliest first.

    A definition that both have is one definition, with its earlier time. Where its two records
    have the same time, one is a copy of the other, and what either lists was known.
    """
    of_here, of_there = (
        {recorded.study.definition_hash: recorded for recorded in place.definitions}
        for place in (here, there)
    )
    definitions = []
    for name in dict.fromkeys([*of_here, *of_there]):
        one, other = of_here.get(name), of_there.get(name)
        if one and other and one.at == other.at:
            definitions.append(_with(one, other.known or {}))
        elif one and (other is None or _time(one) < _time(other)):
            definitions.append(_earlier(one, other, here, there))
        elif other:
            definitions.append(_earlier(other, one, there, here))
    return sorted(definitions, key=lambda recorded: recorded.at)


def _earlier(first: Recorded, later: Recorded | None, own: Register, other: Register) -> Recorded:
    """Return a definition's earlier record, with what was known elsewhere at that time.

    Args:
        first: the earlier record.
        later: the later one, if there are two.
        own: the place of the earlier record.
        other: the other place.
    """
    began = _time(first)
    study = first.study
    seeds = {*study.confirmatory_seeds, *study.all_tuning_seeds}
    known: dict[int, set[str]] = {}
    for trial_id, finish in other.finishes.items():
        if finish.seed in seeds and finish.at <= began:
            known.setdefault(finish.seed, set()).add(trial_id)
    for seed, ids in ((later and later.known) or {}).items():
        # A trial without a row in either place may have been finished at any time.
        lost = ids - own.finishes.keys() - other.finishes.keys()
        known.setdefault(seed, set()).update(lost)
    return _with(first, {seed: frozenset(ids) for seed, ids in known.items() if ids})


def _with(recorded: Recorded, more: Known) -> Recorded:
    """Return a record with more that was known; what was not kept stays unknown."""
    if recorded.known is None:
        return recorded
    known = {
        seed: recorded.known.get(seed, frozenset()) | more.get(seed, frozenset())
        for seed in sorted({*recorded.known, *more})
    }
    return Recorded(recorded.study, known, recorded.at)


def _time(recorded: Recorded) -> datetime:
    return datetime.fromisoformat(recorded.at).astimezone(UTC)
