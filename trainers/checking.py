"""Refuses a trial that cannot be run, before anything starts and without importing torch."""

from collections.abc import Mapping
from dataclasses import replace

from studies.errors import UserError
from studies.roles import Role
from studies.trial import FIELDS, Trial, fields_with
from trainers.registry import KINDS, Component, Found, components, find

#: Fields that every trial may set. A component declares in its ``READS`` which others it uses.
_COMMON = frozenset(FIELDS).difference(fields_with(Role.DECLARED))
#: A lower density says nothing: no network here has so many connections.
_LEAST_DENSITY = 1e-6


def check(trial: Trial, own: Mapping[str, str] | None = None) -> Trial:
    """Check a trial's names and the rules across its fields.

    Args:
        trial: the trial.
        own: the sources of the user's own data sets, by name.

    Returns:
        The trial, with the revisions of its parts where one is above 1.

    Raises:
        UserError: an unknown name (with the close matches), a field that none of the trial's
            parts reads, a density where none is needed or none where one is, or an empty range
            of scores.
    """
    names = {kind: getattr(trial, kind) for kind in KINDS}
    names["dataset"] = _place(trial.dataset, own or {})
    found = {kind: find(kind, name) for kind, name in names.items()}
    _check_fields(trial, {kind: one.component for kind, one in found.items()})
    _check_method(trial, found["method"])
    _check_scores(trial)
    _check_optimizer(trial)
    _check_stages(trial, found["method"], own or {})
    stamps = [f.component for f in found.values() if f.component.revision > 1]
    return replace(
        trial, revisions=",".join(f"{component.name}={component.revision}" for component in stamps)
    )


def _place(dataset: str, own: Mapping[str, str]) -> str:
    """What a data set's component is found by: its name, or the source of one of the user's own."""
    if dataset not in own:
        return dataset
    if any(dataset in component.examples for component in components("dataset")):
        raise UserError(
            f"dataset: {dataset} is a built-in data set, and {own[dataset]} is another; give your "
            "images a name of their own"
        )
    return own[dataset]


def _check_stages(trial: Trial, method: Found, own: Mapping[str, str]) -> None:
    """Refuse a source that is none, or a method that it, or staying layers, make no sense with."""
    if trial.source:
        if trial.source == trial.dataset:
            raise UserError(
                f"source: {trial.source} is the data set itself; leave it out, or take another one"
            )
        find("dataset", _place(trial.source, own))
        if "LEAST_EPOCHS" in method.component.declared:
            raise UserError(
                f"source: {trial.source} is given, but the method {trial.method} has several "
                "rounds of its own; take one that has a single one, such as free-pruning"
            )
    if trial.trained_layers == "output":
        if trial.affine:
            raise UserError(
                "affine: true is given with trained_layers: output, but batch normalisation's "
                "scale and shift belong to all layers; leave one of the two out"
            )
        if trial.weight_decay:
            raise UserError(
                f"weight_decay: {trial.weight_decay} is given with trained_layers: output, but it "
                "would move the other layers; leave one of the two out"
            )


def _check_method(trial: Trial, found: Found) -> None:
    """Refuse too few epochs, a density that is missing, and a schedule that cannot be rewound."""
    rewind = found.parameters.get("rewind", 0)
    least = found.component.declared.get("LEAST_EPOCHS", 0) + rewind
    if trial.epochs < least:
        raise UserError(
            f"epochs: {trial.epochs} are given, but the method {trial.method} needs {least} or more"
        )
    if rewind and trial.schedule != "constant":
        raise UserError(
            f"schedule: {trial.schedule} is given, but a training that is rewound to after its "
            "start takes a constant learning rate; leave it out"
        )
    if "density" in found.component.reads and trial.density < _LEAST_DENSITY:
        raise UserError(
            f"density: the method {trial.method} needs one from {_LEAST_DENSITY:g} to 1, the "
            f"fraction of connections that it keeps; {trial.density:g} is given"
        )


def _check_scores(trial: Trial) -> None:
    """Refuse an empty range of scores, and two ways to say where it lies."""
    if trial.score_offset and trial.score_low != FIELDS["score_low"].default:
        raise UserError(
            f"score_low: {trial.score_low} is given with a score_offset, which puts the range; "
            "give score_high alone for another width"
        )
    if trial.score_low > trial.score_high or (
        trial.score_offset and trial.score_low == trial.score_high
    ):
        raise UserError(
            f"score_low: {trial.score_low} is "
            f"{'not below' if trial.score_offset else 'above'} score_high: {trial.score_high}; "
            "give the lower end first"
        )


def _check_optimizer(trial: Trial) -> None:
    """Refuse settings of the other optimizer."""
    sgd = {"momentum": trial.momentum, "weight_decay": trial.weight_decay}
    for name, value in ({} if trial.optimizer == "sgd" else sgd).items():
        if value:
            raise UserError(f"{name}: {value} is given, but only the optimizer sgd uses it")
    if trial.optimizer != "adam" and trial.adam_epsilon != FIELDS["adam_epsilon"].default:
        raise UserError(
            f"adam_epsilon: {trial.adam_epsilon} is given, but the optimizer is {trial.optimizer}"
        )


def _check_fields(trial: Trial, found: Mapping[str, Component]) -> None:
    """Refuse a field that is given and makes no difference."""
    reads = _COMMON.union(*(component.reads for component in found.values()))
    for name, about in FIELDS.items():
        value = getattr(trial, name)
        if value == about.default:
            continue
        for kind, component in found.items():
            if name in component.refuses:
                raise UserError(
                    f"{name}: {value!r} is given, but it makes no difference to the {kind} "
                    f"{getattr(trial, kind)}; leave it out"
                )
        if name not in reads:
            readers = [(k, p.examples[0]) for k in KINDS for p in components(k) if name in p.reads]
            kind = readers[0][0] if readers else "method"
            others = f", or use one of: {', '.join(n for _, n in readers)}" if readers else ""
            raise UserError(
                f"{name}: {value!r} is given, but the {kind} {getattr(trial, kind)} does not use "
                f"it; leave it out{others}"
            )
