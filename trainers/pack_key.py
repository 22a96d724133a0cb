"""Decides which trials can be trained in lock-step in one pack; needs no torch."""

from collections.abc import Sequence
from itertools import groupby

from studies.roles import Role
from studies.trial import Trial, fields_with
from trainers.registry import find

#: The largest number of trials side by side.
MOST = 256

_PACK = fields_with(Role.PACK)
#: The arms of a pack are sorted by these fields, the first one first. The checkpoint of a pack is
#: named after its trials in this order, so the order must stay as it is.
_FIRST = ("method", "penalty", "score_low", "score_high", "score_offset", "density")
_ARM = (*_FIRST, *(name for name in fields_with(Role.ARM) if name not in _FIRST))


def pack_key(trial: Trial) -> tuple[object, ...]:
    """Return what the trials of a pack have in common.

    That is the shapes and the steps, and the method as well unless it declares ``MIXES = True``
    (see `trainers.registry`): then trials of several methods share a pack.
    """
    mixes = find("method", trial.method).component.declared.get("MIXES", False) and not staged(
        trial
    )
    common = tuple(getattr(trial, name) for name in _PACK)
    return common if mixes else (*common, *arm_key(trial))


def staged(trial: Trial) -> bool:
    """Whether a trial trains only some of its layers, or trains on another data set first."""
    return bool(trial.source) or trial.trained_layers != "all"


def arm_key(trial: Trial) -> tuple[object, ...]:
    """Return what trials of a pack must have in common to be handed to one method together."""
    return tuple(getattr(trial, name) for name in _ARM)


def arms(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Cut the trials of a pack, in their order, where the method or one of its fields changes."""
    return [list(arm) for _, arm in groupby(trials, key=arm_key)]


def ordered(trials: Sequence[Trial]) -> list[Trial]:
    """Sort trials so that those of one pack are adjacent, and within it those of one arm."""

    def key(trial: Trial) -> tuple[list[str], list[str]]:
        return [str(v) for v in pack_key(trial)], [str(v) for v in arm_key(trial)]

    return sorted(trials, key=key)
