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

Value = str | int | float | bool


def _setting(
    explanation: str,
    default: Any = MISSING,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field of `Trial` with its explanation, its bounds, and the choices where they are few."""
    given = {"at_least": at_least, "above": above, "at_most": at_most, "below": below}
    limits = {key: limit for key, limit in given.items() if limit is not None}
    return field(
        default=default,
        metadata={"explanation": explanation, "choices": choices, "limits": limits},
    )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of one network: everything that decides its result.

    Two trials with the same fields are the same trial, wherever and whenever they run. Paths,
    machines and roles are no part of it. Defaults are frozen for ever: a field at its default is
    left out of the identity, so a new field with a default leaves all existing ids as they are.

    Raises:
        UserError: a value of the wrong type or out of its range.
    """

    network: str = _setting("network; its numbers are its shape, as in lenet-300-100")
    dataset: str = _setting("data set")
    method: str = _setting("how it is trained: dense, or which connections change and how")
    weights: str = _setting("distribution that the weights are drawn from")
    seed: int = _setting("seed of weights, scores and data order", at_least=0, at_most=2**63 - 1)
    epochs: int = _setting("passes over the training images", at_least=0, at_most=1_000_000)
    positive_fraction: float = _setting(
        "chance of a weight to be positive (the paper's p+)", 0.5, at_least=0, at_most=1
    )
    activation: str = _setting("activation of the hidden layers", "relu")
    batch_size: int = _setting("training images per step", 25, at_least=1, at_most=1_000_000)
    learning_rate: float = _setting("step size of the optimizer", 1e-3, above=0)
    adam_epsilon: float = _setting("Adam's epsilon, added to the corrected sqrt(v)", 1e-7, above=0)
    score_low: float = _setting("lower end of the scores' uniform start", 0.01)
    score_high: float = _setting("upper end of the scores' uniform start", 0.1)
    penalty: float = _setting("weight of mean(mask) in the minimal methods' loss", 1.0, at_least=0)
    width: float = _setting(
        "factor on the width of every hidden layer, in units or channels", 1.0, above=0, at_most=64
    )
    affine: bool = _setting("whether batch normalisation has a trained scale and shift", False)
    augmentation: str = _setting(
        "what is done to each training image at random: shift by up to a tenth, mirror",
        "none",
        choices=("none", "shift", "mirror", "shift-mirror"),
    )
    schedule: str = _setting(
        "learning rate: constant; steps, a tenth at 2/5, 3/5 and 4/5 of the training; or cosine",
        "constant",
        choices=("constant", "steps", "cosine"),
    )
    rescaling: str = _setting(
        "of pruned layers: none; dynamic, by size / (1 + kept); scale-fan, by 1 / sqrt(density)",
        "none",
        choices=("none", "dynamic", "scale-fan"),
    )
    score_offset: float = _setting(
        "share of scores that start at or below zero, the range moved for it; 0 leaves the range",
        0.0,
        at_least=0,
        below=1,
    )
    density: float = _setting(
        "fraction of connections kept, for methods that need one told; 0 for the others",
        0.0,
        at_least=0,
        at_most=1,
    )
    optimizer: str = _setting(
        "adam, betas 0.9 and 0.999; or sgd, with momentum and weight_decay",
        "adam",
        choices=("adam", "sgd"),
    )
    momentum: float = _setting("of sgd", 0.0, at_least=0, below=1)
    weight_decay: float = _setting("of sgd, on what is trained", 0.0, at_least=0)
    labels: str = _setting(
        "of the training images: given; or permuted, dealt anew among them (a control)",
        "given",
        choices=("given", "permuted"),
    )
    source: str = _setting(
        "data set that is trained on first, for as many epochs; empty for none", ""
    )
    trained_layers: str = _setting(
        "all; or output: it starts anew, the others stay as drawn, or as the source left them",
        "all",
        choices=("all", "output"),
    )
    score_seed: int = _setting(
        "seed of the scores' start; -1 for the trial's own", -1, at_least=-1, at_most=2**63 - 1
    )
    order_seed: int = _setting(
        "seed of the data's order; -1 for the trial's own", -1, at_least=-1, at_most=2**63 - 1
    )
    rounding: int = _setting(
        "order of the images within each batch, which changes rounding alone; 0 as they come",
        0,
        at_least=0,
        at_most=2**63 - 1,
    )
    revisions: str = _setting("parts whose results changed by a mended bug; set by trainers", "")

    _id = ""  # not a field: `trial_id` once it was asked for

    def __post_init__(self) -> None:
        for name, about in FIELDS.items():
            value = getattr(self, name)
            if value is not about.default:  # most are, and a default needs no check
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
        """Build a trial of values that are not checked again: one of the thousands of a study.

        Args:
            values: what `check_value` gave for each field that is not at its default.

        Raises:
            KeyError: a field without a default has no value.
        """
        trial = object.__new__(cls)
        every = {**_DEFAULTS, **values}
        for name in FIELDS:  # one by one, which takes a third of the memory of `__dict__.update`
            object.__setattr__(trial, name, every[name])
        return trial

    @property
    def canonical(self) -> str:
        """Canonical JSON: keys sorted, no spaces, fields at their default left out."""
        values = self.values().items()
        return _JSON.encode({n: value for n, value in values if value != FIELDS[n].default})

    @property
    def trial_id(self) -> str:
        """The first 12 hex digits of the SHA-256 of `canonical`."""
        if not self._id:  # kept by hand: a cached_property triples the memory that a trial takes
            digest = hashlib.sha256(self.canonical.encode()).hexdigest()
            object.__setattr__(self, "_id", digest[:12])
        return self._id

    def values(self) -> dict[str, Value]:
        """Every field with its value."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS: dict[str, Field[Any]] = {about.name: about for about in fields(Trial)}
_DEFAULTS = {name: a.default for name, a in FIELDS.items() if a.default is not MISSING}
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
REQUIRED = tuple(name for name, about in FIELDS.items() if about.default is MISSING)
#: Fields that a user sets; `revisions` is derived from the parts that the trial names.
SETTABLE = tuple(name for name in FIELDS if name != "revisions")


def check_field(name: str) -> None:
    """Refuse the name of a field that `Trial` does not have.

    Raises:
        UserError: with the close matches.
    """
    if name not in FIELDS:
        raise unknown("field", name, SETTABLE)


#: What is refused by each kind of limit.
_OUTSIDE: dict[str, Callable[[Any, Any], bool]] = {
    "at_least": operator.lt,
    "above": operator.le,
    "at_most": operator.gt,
    "below": operator.ge,
}


def check_value(name: str, value: Any) -> Value:
    """One field's value in its own type, or the reason why it is refused.

    A whole number given for a float is the float (1 and 1.0 are one trial).

    Raises:
        UserError: wrong type, not finite, or out of range.
    """
    about = FIELDS[name]
    wanted = about.type
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # a whole number beyond all floats is no float
            value = float(value)
    if type(value) is not wanted or (value == "" and about.default != ""):
        raise UserError(f"{name}: {shown(value)} is not {_allowed(about)}")
    if wanted is str:
        return _check_name(name, value, about.metadata["choices"])
    if wanted is float and not math.isfinite(value):
        raise UserError(f"{name}: {value!r} is not {_allowed(about)}")
    limits = about.metadata["limits"].items()
    if any(_OUTSIDE[key](value, limit) for key, limit in limits):
        raise UserError(f"{name}: {shown(value)} is not {_allowed(about)}")
    checked: Value = value + 0.0 if wanted is float else value  # -0.0 and 0.0 are one value
    return checked


def _check_name(field: str, value: str, choices: tuple[str, ...]) -> str:
    check_text(field, value)
    if value != value.strip():
        raise UserError(f"{field}: {shown(value)} begins or ends with white space; take it away")
    if choices and value not in choices:
        raise unknown(field, value, choices)
    return canonical(value)


def _allowed(about: Field[Any]) -> str:
    """What a field takes, in words: ``a whole number, at least 1``."""
    kinds = {str: "a name", int: "a whole number", float: "a finite number", bool: "true or false"}
    limits = [f"{key.replace('_', ' ')} {limit}" for key, limit in about.metadata["limits"].items()]
    return ", ".join([kinds[about.type], *limits])  # type: ignore[index]
