"""A trial: one training, fully described, with an identity that never changes."""

import contextlib
import hashlib
import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from studies.errors import UserError, shown, unknown
from studies.names import canonical, check_text
from studies.roles import Role

Value = str | int | float | bool


def _trial_field(
    explanation: str,
    roles: Role,
    default: Any = MISSING,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
) -> Any:
    """Declare a field of `Trial` with everything that is known about it.

    Args:
        explanation: what it means, for users: a phrase without a capital and a full stop.
        roles: what it is to the parts of this project. There is no default, so that a new field
            cannot be forgotten by one of them.
        default: its value if none is given.
        at_least: the smallest value allowed.
        above: a value that it must exceed.
        at_most: the largest value allowed.
        below: a value that it must not reach.
        choices: the names allowed, if these are few.
        unit: of its values, if they have one.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most, "below": below}
    limits = {kind: bound for kind, bound in bounds.items() if bound is not None}
    return field(
        default=default,
        metadata={
            "explanation": explanation,
            "roles": roles,
            "choices": choices,
            "limits": limits,
            "unit": unit,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of one network: everything that decides its result.

    Two trials with the same fields are the same trial, wherever and whenever they run. Paths,
    machines and a study's use of the trial (for tuning or for confirmation) are no part of it.
    Defaults never change: a field at its default is left out of the identity, so a new field with
    a default leaves all existing ids as they are.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    network: str = _trial_field(
        "network; the numbers in its name are its shape, as in lenet-300-100",
        Role.COMPONENT | Role.PACK | Role.SHAPE | Role.COST,
    )
    dataset: str = _trial_field(
        "data set", Role.COMPONENT | Role.DATA | Role.PACK | Role.SHAPE | Role.COST
    )
    method: str = _trial_field(
        "training method: dense, or which connections change and how",
        Role.COMPONENT | Role.ARM | Role.COST,
    )
    weights: str = _trial_field(
        "distribution that the weights are drawn from", Role.COMPONENT | Role.REPLICA
    )
    seed: int = _trial_field(
        "seed of the weights, the scores and the order of the data",
        Role.REPLICA,
        at_least=0,
        at_most=2**63 - 1,
    )
    epochs: int = _trial_field(
        "passes over the training images", Role.PACK, at_least=0, at_most=1_000_000, unit="epochs"
    )
    positive_fraction: float = _trial_field(
        "probability that a weight is positive (the paper's p+)",
        Role.REPLICA,
        0.5,
        at_least=0,
        at_most=1,
        unit="fraction",
    )
    activation: str = _trial_field(
        "activation function of the hidden layers", Role.COMPONENT | Role.PACK | Role.SHAPE, "relu"
    )
    batch_size: int = _trial_field(
        "training images per step",
        Role.RECIPE | Role.PACK | Role.SHAPE | Role.COST,
        25,
        at_least=1,
        at_most=1_000_000,
        unit="images",
    )
    learning_rate: float = _trial_field(
        "step size of the optimizer", Role.RECIPE | Role.REPLICA, 1e-3, above=0
    )
    adam_epsilon: float = _trial_field(
        "Adam's epsilon, added to the corrected sqrt(v)",
        Role.RECIPE | Role.REPLICA,
        1e-7,
        above=0,
    )
    score_low: float = _trial_field(
        "lower end of the range of the initial scores, which are uniform",
        Role.METHOD | Role.DECLARED | Role.ARM,
        0.01,
    )
    score_high: float = _trial_field(
        "upper end of the range of the initial scores, which are uniform",
        Role.METHOD | Role.DECLARED | Role.ARM,
        0.1,
    )
    penalty: float = _trial_field(
        "coefficient of mean(mask) in the loss of the minimal and maximal methods",
        Role.METHOD | Role.DECLARED | Role.ARM,
        1.0,
        at_least=0,
    )
    width: float = _trial_field(
        "factor on the width of every hidden layer, in units or channels",
        Role.PACK | Role.SHAPE | Role.COST,
        1.0,
        above=0,
        at_most=64,
        unit="factor",
    )
    affine: bool = _trial_field(
        "whether batch normalisation has a trained scale and shift",
        Role.DECLARED | Role.PACK | Role.SHAPE,
        False,
    )
    augmentation: str = _trial_field(
        "random change of each training image: shift by up to a tenth, mirror, or both",
        Role.PACK | Role.SHAPE,
        "none",
        choices=("none", "shift", "mirror", "shift-mirror"),
    )
    schedule: str = _trial_field(
        "course of the learning rate: constant; steps, divided by 10 at 2/5, 3/5 and 4/5 of the "
        "training; late-steps, at 2/3 and 5/6; cosine; or exponential, 0.9^10 at the end",
        Role.RECIPE | Role.PACK,
        "constant",
        choices=("constant", "steps", "cosine", "late-steps", "exponential"),
    )
    rescaling: str = _trial_field(
        "factor on pruned layers: none; dynamic, size / (1 + kept); scale-fan, 1 / sqrt(density)",
        Role.METHOD | Role.DECLARED | Role.ARM,
        "none",
        choices=("none", "dynamic", "scale-fan"),
    )
    score_offset: float = _trial_field(
        "fraction of the initial scores at or below zero, set by shifting their range; 0 for no "
        "shift; -2, for example, puts the lower end of the range two widths above zero",
        Role.METHOD | Role.DECLARED | Role.ARM,
        0.0,
        at_least=-100,
        below=1,
        unit="fraction",
    )
    density: float = _trial_field(
        "fraction of connections kept, for methods that need it; 0 for all others",
        Role.METHOD | Role.DECLARED | Role.ARM,
        0.0,
        at_least=0,
        at_most=1,
        unit="fraction",
    )
    optimizer: str = _trial_field(
        "adam, with betas 0.9 and 0.999; or sgd, with momentum and weight decay",
        Role.RECIPE | Role.PACK,
        "adam",
        choices=("adam", "sgd"),
    )
    momentum: float = _trial_field(
        "momentum of sgd", Role.RECIPE | Role.PACK, 0.0, at_least=0, below=1
    )
    weight_decay: float = _trial_field(
        "weight decay of sgd, on what is trained", Role.RECIPE | Role.PACK, 0.0, at_least=0
    )
    labels: str = _trial_field(
        "labels of the training images: given; or permuted, shuffled among them (a control)",
        Role.CONTROL | Role.PACK,
        "given",
        choices=("given", "permuted"),
    )
    source: str = _trial_field(
        "data set to train on first, for the same number of epochs; empty for none",
        Role.COMPONENT | Role.DATA | Role.CONTROL | Role.PACK,
        "",
    )
    trained_layers: str = _trial_field(
        "layers to train: all; or output, which starts from scratch while the others stay as drawn "
        "or as trained on the source",
        Role.CONTROL | Role.PACK,
        "all",
        choices=("all", "output"),
    )
    score_seed: int = _trial_field(
        "seed of the initial scores; -1 for the trial's seed",
        Role.METHOD | Role.DECLARED | Role.CONTROL | Role.REPLICA,
        -1,
        at_least=-1,
        at_most=2**63 - 1,
    )
    order_seed: int = _trial_field(
        "seed of the order of the data; -1 for the trial's seed",
        Role.CONTROL | Role.REPLICA,
        -1,
        at_least=-1,
        at_most=2**63 - 1,
    )
    rounding: int = _trial_field(
        "order of the images within each batch, which changes only rounding; 0 for no change",
        Role.CONTROL | Role.REPLICA,
        0,
        at_least=0,
        at_most=2**63 - 1,
    )
    nesterov: bool = _trial_field(
        "whether the momentum of sgd is Nesterov's", Role.RECIPE | Role.PACK, False
    )
    decoupled_decay: float = _trial_field(
        "fraction by which each step of sgd shrinks what is trained (SGDW); it follows the "
        "schedule, and is not multiplied by the learning rate",
        Role.RECIPE | Role.PACK,
        0.0,
        at_least=0,
        below=1,
        unit="fraction",
    )
    revisions: str = _trial_field(
        "revisions of components whose results a bug fix changed; set by trainers", Role.ARM, ""
    )

    _id = ""  # not a field: keeps `trial_id` once it is computed

    def __post_init__(self) -> None:
        for name, declared in FIELDS.items():
            value = getattr(self, name)
            if value is not declared.default:  # most values are, and a default needs no check
                object.__setattr__(self, name, check_value(name, value))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Trial":
        """Build a trial from names and values, such as a row of the table `trials`.

        Raises:
            UserError: an unknown or missing field, or a value that is not allowed.
        """
        for name in values:
            check_field(name)
        missing = [name for name in REQUIRED if name not in values]
        if missing:
            raise UserError(f"the trial has no {' and no '.join(missing)}; give a value for each")
        return cls(**values)

    @classmethod
    def of_checked(cls, values: Mapping[str, Value]) -> "Trial":
        """Build a trial from checked values without a second check: a study has thousands.

        Args:
            values: what `check_value` returned for each field that is not at its default.

        Raises:
            KeyError: a field without a default has no value.
        """
        trial = object.__new__(cls)
        complete = {**_DEFAULTS, **values}
        for name in FIELDS:  # one by one: a third of the memory that `__dict__.update` takes
            object.__setattr__(trial, name, complete[name])
        return trial

    @property
    def canonical(self) -> str:
        """Canonical JSON: keys sorted, no spaces, fields at their default left out."""
        values = self.values().items()
        return _JSON.encode({n: value for n, value in values if value != FIELDS[n].default})

    @property
    def trial_id(self) -> str:
        """The first 12 hex digits of the SHA-256 of `canonical`."""
        if not self._id:  # a cached_property would triple the memory that a trial takes
            digest = hashlib.sha256(self.canonical.encode()).hexdigest()
            object.__setattr__(self, "_id", digest[:12])
        return self._id

    def values(self) -> dict[str, Value]:
        """Return every field with its value."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS: dict[str, Field[Any]] = {declared.name: declared for declared in fields(Trial)}
_DEFAULTS = {name: f.default for name, f in FIELDS.items() if f.default is not MISSING}
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
#: Fields without a default.
REQUIRED = tuple(name for name in FIELDS if name not in _DEFAULTS)
#: Fields that a user sets; `revisions` follows from the components that the trial names.
SETTABLE = tuple(name for name in FIELDS if name != "revisions")


def fields_with(role: Role) -> tuple[str, ...]:
    """Return the names of the fields that have a role, in the order of `Trial`."""
    return tuple(name for name, f in FIELDS.items() if role in f.metadata["roles"])


def check_field(name: str) -> None:
    """Refuse the name of a field that `Trial` does not have.

    Raises:
        UserError: with the close matches.
    """
    if name not in FIELDS:
        raise unknown("field", name, SETTABLE)


#: The largest number of single precision, in which trials are computed.
_LARGEST = (2 - 2**-23) * 2.0**127
#: The comparison of a value with a limit that refuses the value.
_OUTSIDE: dict[str, Callable[[Any, Any], bool]] = {
    "at_least": operator.lt,
    "above": operator.le,
    "at_most": operator.gt,
    "below": operator.ge,
}


def check_value(name: str, value: Any, written: str | None = None) -> Value:
    """Return one field's value in the field's own type.

    A whole number given for a float becomes a float: 1 and 1.0 are one trial.

    Args:
        name: the field.
        value: the value.
        written: the text that it was read from, for an error; by default the value is shown.

    Raises:
        UserError: the value has the wrong type, is not finite or is out of range.
    """
    declared = FIELDS[name]
    kind = declared.type
    given = value if written is None else written
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # beyond the largest float: refused below
            value = float(value)
    if type(value) is not kind or (value == "" and declared.default != ""):
        raise UserError(f"{name}: {shown(given)} is not {_allowed(declared)}")
    if kind is str:
        return _check_name(name, value, declared.metadata["choices"])
    if kind is float and not math.isfinite(value):
        raise UserError(f"{name}: {shown(given)} is not {_allowed(declared)}")
    if kind is float and abs(value) > _LARGEST:
        raise UserError(
            f"{name}: {shown(given)} is beyond single precision, at most {_LARGEST:.7g}"
        )
    limits = declared.metadata["limits"].items()
    if any(_OUTSIDE[key](value, limit) for key, limit in limits):
        raise UserError(f"{name}: {shown(given)} is not {_allowed(declared)}")
    checked: Value = value + 0.0 if kind is float else value  # -0.0 and 0.0 are one value
    return checked


def _check_name(field: str, value: str, choices: tuple[str, ...]) -> str:
    check_text(field, value)
    if value != value.strip():
        raise UserError(f"{field}: {shown(value)} begins or ends with white space; remove it")
    if choices and value not in choices:
        raise unknown(field, value, choices)
    return canonical(value)


def _allowed(declared: Field[Any]) -> str:
    """Say in words what a field accepts: ``a whole number, at least 1``."""
    kinds = {str: "a name", int: "a whole number", float: "a finite number", bool: "true or false"}
    limits = [
        f"{kind.replace('_', ' ')} {limit}" for kind, limit in declared.metadata["limits"].items()
    ]
    return ", ".join([kinds[declared.type], *limits])  # type: ignore[index]
