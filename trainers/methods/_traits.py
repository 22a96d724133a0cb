"""The traits of a trial's method, as they are recorded with the trial."""

from dataclasses import replace

from studies.traits import MethodTraits
from studies.trial import Trial
from trainers import methods, registry
from trainers.methods import Method
from trainers.methods._combined import Combined

#: Fields that fix or price the fraction of connections kept.
_SETTINGS = {"density", "penalty"}


def traits_of_method(trial: Trial) -> MethodTraits:
    """Return the traits of the method that a trial names, whatever its stages.

    A method that declares `density` in its ``READS`` needs one; that, or a `penalty`, sets the
    fraction of connections kept. One that is evaluated in several states has a random mask.
    """
    reads = registry.find("method", trial.method).component.reads
    method = methods.load(replace(trial, source="", trained_layers="all"))
    return MethodTraits(
        needs_density="density" in reads,
        random_mask=_has_random_mask(method),
        trains_weights=method.trains_weights,
        by_mask=method.by_mask,
        flips=method.flips,
        sets_kept_share=method.sets_kept_share or bool(_SETTINGS & set(reads)),
    )


def _has_random_mask(method: Method) -> bool:
    if isinstance(method, Combined):
        return any(_has_random_mask(each) for each in method.methods)
    return type(method).evaluated is not Method.evaluated
