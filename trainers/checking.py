"""Refuses a trial that cannot be run, before anything starts and without importing torch."""

from collections.abc import Mapping
from dataclasses import replace

from studies.errors import UserError
from studies.roles import Role
from studies.trial import FIELDS, Trial, fields_with
from trainers.registry import KINDS, Component, Found, components, find, may_be_parquet

#: Fields that every trial may set. A component declares in its ``READS`` which others it uses.
_COMMON = frozenset(FIELDS).difference(fields_with(Role.DECLARED))
#: Fields that only the optimizer sgd uses.
_OF_SGD = ("momentum", "weight_decay", "nesterov", "decoupled_decay")
#: The smallest density allowed: even the largest network would keep hardly any connection below it.
_LEAST_DENSITY = 1e-6


def check(trial: Trial, own: Mapping[str, str] | None = None) -> Trial:
    """Check a trial's names and the rules across its fields.

    Args:
        trial: the trial.
        own: where the images of the user's own data sets are, by name.

    Returns:
        The trial with `revisions`: ``NAME=REVISION`` for each of its components whose revision is
        above 1, and ``source:NAME=REVISION`` for that of its source.

    Raises:
        UserError: an unknown name (with the close matches), a field that no component of the trial
            reads, a missing or superfluous density, or an empty range of scores.
    """
    names = {kind: getattr(trial, kind) for kind in KINDS}
    names["dataset"] = _component_name(trial.dataset, own or {})
    matches = {kind: find(kind, name) for kind, name in names.items()}
    _check_fields(trial, {kind: match.component for kind, match in matches.items()})
    _check_method(trial, matches["method"])
    _check_scores(trial)
    _check_optimizer(trial)
    _check_stages(trial, matches["method"])
    used = [("", match.component) for match in matches.values()]
    if trial.source:
        used.append(
            ("source:", find("dataset", _component_name(trial.source, own or {})).component)
        )
    stamps = [f"{role}{c.name}={c.revision}" for role, c in used if c.revision > 1]
    return replace(trial, revisions=",".join(stamps))


def _hint(dataset: str) -> str:
    return ", or give its Parquet files as parquet:PATH" if may_be_parquet(dataset) else ""


def _component_name(dataset: str, own: Mapping[str, str]) -> str:
    """Return what finds a data set's component: its name, or where the user's own images are."""
    if dataset not in own:
        return dataset
    if own[dataset].startswith("parquet:") and may_be_parquet(dataset):
        return dataset
    if any(dataset in component.examples for component in components("dataset")):
        raise UserError(
            f"dataset: {dataset} is a built-in data set, and {own[dataset]} is another; give your "
            f"images another name{_hint(dataset)}"
        )
    return own[dataset]


def _check_stages(trial: Trial, method: Found) -> None:
    """Refuse a source or untrained layers that the trial's other fields contradict."""
    if trial.source:
        if trial.source == trial.dataset:
            raise UserError(
                f"source: {trial.source} is the data set itself; leave it out, or give another one"
            )
        if "LEAST_EPOCHS" in method.component.declared:
            raise UserError(
                f"source: {trial.source} is given, but the training of the method {trial.method} "
                "has several parts; give a method whose training has one, such as free-pruning"
            )
    if trial.trained_layers == "output":
        if method.parameters.get("global"):
            raise UserError(
                f"trained_layers: output is given, but the method {trial.method} ranks all layers "
                "together, so that the others' masks would change as well; leave one of the two out"
            )
        if trial.affine:
            raise UserError(
                "affine: true is given with trained_layers: output, but batch normalisation's "
                "scale and shift belong to all layers; leave one of the two out"
            )
        for name in ("weight_decay", "decoupled_decay"):
            if getattr(trial, name):
                raise UserError(
                    f"{name}: {getattr(trial, name)} is given with trained_layers: output, but it "
                    "would move the other layers; leave one of the two out"
                )


def _check_method(trial: Trial, method: Found) -> None:
    """Refuse too few epochs, a missing density, and fields that the method cannot train with."""
    for name, needed in method.component.declared.get("NEEDS", {}).items():
        if getattr(trial, name) != needed:
            raise UserError(
                f"{name}: {getattr(trial, name)} is given, but the method {trial.method} needs "
                f"{needed}; give {name}: {needed}"
            )
    rewind = method.parameters.get("rewind", 0)
    least = method.component.declared.get("LEAST_EPOCHS", 0) + rewind
    least += method.parameters.get("period", 0)
    if trial.epochs < least:
        raise UserError(
            f"epochs: {trial.epochs} are given, but the method {trial.method} needs {least} or more"
        )
    if rewind and trial.schedule != "constant":
        raise UserError(
            f"schedule: {trial.schedule} is given, but a training that is rewound to a later point "
            "than its start needs a constant learning rate; leave it out"
        )
    if "density" in method.component.reads and trial.density < _LEAST_DENSITY:
        raise UserError(
            f"density: the method {trial.method} needs one from {_LEAST_DENSITY:g} to 1, the "
            f"fraction of connections that it keeps; {trial.density:g} is given"
        )


def _check_scores(trial: Trial) -> None:
    """Refuse an empty range of scores, and a range that is given in two ways."""
    if trial.score_offset and trial.score_low != FIELDS["score_low"].default:
        raise UserError(
            f"score_low: {trial.score_low} is given with a score_offset, which sets the lower end; "
            "give only score_high to change the width of the range"
        )
    if trial.score_low > trial.score_high or (
        trial.score_offset and trial.score_low == trial.score_high
    ):
        raise UserError(
            f"score_low: {trial.score_low} is "
            f"{'not below' if trial.score_offset else 'above'} score_high: {trial.score_high}; "
            "give a score_low below score_high"
        )


def _check_optimizer(trial: Trial) -> None:
    """Refuse fields of an optimizer that the trial does not use."""
    for name in () if trial.optimizer == "sgd" else _OF_SGD:
        if value := getattr(trial, name):
            raise UserError(
                f"{name}: {_written(value)} is given, but only the optimizer sgd uses it"
            )
    if trial.nesterov and not trial.momentum:
        raise UserError(
            "nesterov: true is given without a momentum, which makes no difference; give a "
            "momentum above 0, or leave nesterov out"
        )
    if trial.optimizer != "adam" and trial.adam_epsilon != FIELDS["adam_epsilon"].default:
        raise UserError(
            f"adam_epsilon: {trial.adam_epsilon} is given, but the optimizer is {trial.optimizer}"
        )


def _check_fields(trial: Trial, chosen: Mapping[str, Component]) -> None:
    """Refuse a field that is given but makes no difference.

    Args:
        trial: the trial.
        chosen: its components by kind.
    """
    reads = _COMMON.union(*(component.reads for component in chosen.values()))
    for name, field in FIELDS.items():
        value = getattr(trial, name)
        if value == field.default:
            continue
        for kind, component in chosen.items():
            if name in component.refuses:
                raise UserError(
                    f"{name}: {_written(value)} is given, but it makes no difference to the {kind} "
                    f"{getattr(trial, kind)}; leave it out"
                )
        if name not in reads:
            readers = [(k, c.examples[0]) for k in KINDS for c in components(k) if name in c.reads]
            kind = readers[0][0] if readers else "method"
            others = f", or use one of: {', '.join(n for _, n in readers)}" if readers else ""
            raise UserError(
                f"{name}: {_written(value)} is given, but the {kind} {getattr(trial, kind)} "
                f"does not use it; leave it out{others}"
            )


def _written(value: object) -> str:
    """Return a value as an error shows it: true and false as in a study file."""
    return str(value).lower() if isinstance(value, bool) else repr(value)
