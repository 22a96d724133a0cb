"""Which trials can be trained in lock-step in one pack; needs no torch."""

from collections.abc import Sequence
from itertools import groupby

from studies.trial import FIELDS, Trial
from trainers.registry import find

#: Trials side by side at most.
MOST = 256

#: Trials of a pack may differ in these: each replica has its own weights, data order and rate.
_OWN = (
    "seed",
    "score_seed",
    "order_seed",
    "rounding",
    "weights",
    "positive_fraction",
    "learning_rate",
    "adam_epsilon",
)

#: What a method reads; trials of a pack may differ in these if their methods mix.
_METHOD = (
    "method",
    "penalty",
    "score_low",
    "score_high",
    "score_offset",
    "density",
    "rescaling",
    "revisions",
)
_COMMON = tuple(name for name in FIELDS if name not in {*_OWN, *_METHOD})


def pack_key(trial: Trial) -> tuple[object, ...]:
    """What trials must have in common: shapes, steps, and the method where it does not mix.

    A method says with ``MIXES = True`` that it can share a pack, see `parts`.
    """
    mixes = find("method", trial.method).component.declared.get("MIXES", False) and not staged(
        trial
    )
    common = tuple(getattr(trial, name) for name in _COMMON)
    return common if mixes else (*common, *arm_key(trial))


def staged(trial: Trial) -> bool:
    """Whether a trial trains some of its layers only, or on another data set first."""
    return bool(trial.source) or trial.trained_layers != "all"


def arm_key(trial: Trial) -> tuple[object, ...]:
    """What trials of a pack must have in common to be handed to one method together."""
    return tuple(getattr(trial, name) for name in _METHOD)


def arms(trials: Sequence[Trial]) -> list[list[Trial]]:
    """The trials of a pack in their order, cut where the method or its settings change."""
    return [list(arm) for _, arm in groupby(trials, key=arm_key)]


def ordered(trials: Sequence[Trial]) -> list[Trial]:
    """Trials so that those of one pack, and in it those of one method, stand together."""

    def key(trial: Trial) -> tuple[list[str], list[str]]:
        return [str(v) for v in pack_key(trial)], [str(v) for v in arm_key(trial)]

    return sorted(trials, key=key)
