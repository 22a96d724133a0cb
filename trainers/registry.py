"""Finds the components that a trial names: methods, networks, data sets, weights, activations.

A component is one file, named after it, in the folder of its kind; another package adds some
through the entry points ``untuned.methods``, ``untuned.networks`` and so on, each naming a module.
Such a file may declare these constants, which are read without running it (see
`studies.components`):

    PATTERN     a regular expression for the names that find it; the numbers in its groups are
                handed to the component
    EXAMPLES    names that find it, for lists and hints
    NOTE        what the examples do not show about its names
    PARAMETERS  for each parameter in brackets behind the name: its default, smallest and largest
                value; (False,) for a flag
    READS       the fields of `Trial` that it reads beyond those that every trial may set
    REFUSES     fields that every trial may set but that make no difference to it, so that they
                must not be given
    REVISION    1, and one more whenever a mended bug changes results: older trials run again

Only a method:

    LEAST_EPOCHS  of a method whose training has several parts the smallest number of epochs; a
                  parameter `rewind` or `period` in its name is added. It cannot have a source
    MIXES         True if it has one round, needs no batch to begin, keeps nothing with a layer but
                  what is trained, the effective weights and the gradient of a penalty, and can be
                  held by a CUDA graph: trials of other such methods can then share its pack
    NEEDS         fields with the values that they must have

Only a data set, so that a study can be estimated before it is downloaded:

    SHAPE       channels, height and width of an image
    CLASSES     their number
    IMAGES      their number in training (without validation), and in validation and test
    PARQUET     True if it may also be read from Parquet files, as ``NAME=parquet:PATH``; needs
                SHAPE, CLASSES and IMAGES, which are checked
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from studies import components as _components
from studies import names, sources
from studies.components import BrokenComponentError, Component, Declaration
from studies.errors import UserError, unknown
from studies.trial import SETTABLE

__all__ = ["KINDS", "Component", "Found", "components", "find", "forget", "load"]

#: A field of `Trial` that names a component, and the folder of such components.
KINDS = {
    "network": "networks",
    "dataset": "datasets",
    "method": "methods",
    "weights": "weights",
    "activation": "activations",
}


#: What the file of each kind must define: at least one of these.
_DEFINES = {
    "network": ("build",),
    "dataset": ("read",),
    "method": ("METHOD", "method"),
    "weights": ("magnitude", "signed"),
    "activation": ("activation",),
}


def _is_whole(value: Any, least: int = 1) -> bool:
    return type(value) is int and value >= least


def _is_tuple_of(value: Any, fits: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(map(fits, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_pattern(value: Any) -> bool:
    try:
        return _is_text(value) and re.compile(value) is not None
    except (re.error, OverflowError, RecursionError):
        return False


def _is_parameter(value: Any) -> bool:
    """Whether it is ``(False,)``, or a default with the smallest and the largest value."""
    if not isinstance(value, (tuple, list)) or not value:
        return False
    default, *limits = value
    if default is False:
        return not limits
    numbers = all(type(v) in (int, float) and math.isfinite(v) for v in value)
    return numbers and len(limits) == 2 and limits[0] <= limits[1]


def _are_parameters(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_text(name) and _is_parameter(parameter) for name, parameter in value.items()
    )


_FIELDS = Declaration(
    'a tuple of fields of a trial, such as ("density",)',
    lambda value: _is_tuple_of(value, SETTABLE.__contains__),
)
_OF_ALL = {
    "PATTERN": Declaration("a regular expression", _is_pattern),
    "EXAMPLES": Declaration(
        'a tuple of at least one name, such as ("snip", "snip(shuffled)")',
        lambda value: _is_tuple_of(value, _is_text) and len(value) > 0,
    ),
    "NOTE": Declaration("a text", _is_text),
    "PARAMETERS": Declaration(
        "for each parameter (default, smallest, largest), all of them numbers, or (False,), "
        'such as {"sigma": (1.0, 0.1, 5.0), "shuffled": (False,)}',
        _are_parameters,
    ),
    "READS": _FIELDS,
    "REFUSES": _FIELDS,
    "REVISION": Declaration("a whole number, at least 1", _is_whole),
}
#: What the files of each kind may declare.
DECLARATIONS: Mapping[str, Mapping[str, Declaration]] = dict.fromkeys(KINDS, _OF_ALL) | {
    "method": _OF_ALL
    | {
        "LEAST_EPOCHS": Declaration(
            "a whole number, at least 0", lambda value: _is_whole(value, least=0)
        ),
        "MIXES": Declaration("True or False", lambda value: isinstance(value, bool)),
        "NEEDS": Declaration(
            'fields of a trial with the values that they must have, such as {"optimizer": "sgd"}',
            lambda value: isinstance(value, dict) and all(map(SETTABLE.__contains__, value)),
        ),
    },
    "dataset": _OF_ALL
    | {
        "SHAPE": Declaration(
            "channels, height and width, such as (1, 28, 28)",
            lambda value: _is_tuple_of(value, _is_whole) and len(value) == 3,
        ),
        "CLASSES": Declaration("a whole number, at least 1", _is_whole),
        "IMAGES": Declaration(
            "two whole numbers, such as (55_000, 15_000)",
            lambda value: _is_tuple_of(value, _is_whole) and len(value) == 2,
        ),
        "PARQUET": Declaration("True or False", lambda value: isinstance(value, bool)),
    },
}


def components(kind: str) -> tuple[Component, ...]:
    """Return all components of a kind that can be used, those of this project first.

    Args:
        kind: a key of `KINDS`.
    """
    return tuple(component for component in _every(kind) if not component.error)


@cache
def _every(kind: str) -> tuple[Component, ...]:
    """Return all components of a kind, those with an error included."""
    folder = KINDS[kind]
    return _components.discover(
        kind,
        Path(__file__).parent / folder,
        f"trainers.{folder}",
        f"untuned.{folder}",
        DECLARATIONS[kind],
    )


def forget() -> None:
    """Look for components again when they are next needed: packages may have been installed."""
    _components.forget()
    _every.cache_clear()
    find.cache_clear()


@dataclass(frozen=True)
class Found:
    """The component that a name stands for.

    Attributes:
        component: the component.
        numbers: those in the name, such as 300 and 100 in ``lenet-300-100``.
        parameters: those in brackets, and the defaults of those that are not given.
    """

    component: Component
    numbers: tuple[int, ...]
    parameters: Mapping[str, Any]


@lru_cache(maxsize=1024)
def find(kind: str, name: str) -> Found:
    """Return the component that a name stands for, with the numbers and parameters in the name.

    Raises:
        UserError: there is none, with the close matches; or a parameter is not allowed.
        BrokenComponentError: there is an error in its file.
    """
    source = sources.split(name) if kind == "dataset" else None
    stem, given = names.split(source[0] if source else name)
    stem += ":" if source else ""
    for component in components(kind):
        match = re.fullmatch(component.pattern, stem)
        if match and (source or not component.pattern.endswith(":")):
            numbers = [int(n) for group in match.groups() for n in re.findall(r"\d+", group or "")]
            return Found(component, tuple(numbers), _parameters(component, name, given))
    for component in _every(kind):
        if component.error and component.name in (stem, stem.partition("-")[0]):
            raise BrokenComponentError(component.error)
    known = unknown(
        kind, name, [example for component in components(kind) for example in component.examples]
    )
    notes = [
        component.declared["NOTE"] for component in components(kind) if "NOTE" in component.declared
    ]
    raise UserError("; ".join([str(known), *notes]))


def may_be_parquet(dataset: str) -> bool:
    """Return whether a name is that of a published data set that Parquet files may hold, too."""
    found = (c for c in components("dataset") if dataset in c.examples)
    return any(component.declared.get("PARQUET", False) for component in found)


def load(kind: str, name: str) -> tuple[Any, Found]:
    """Import the component that a name stands for; return its module and what `find` returns.

    Raises:
        UserError: see `find`.
        BrokenComponentError: there is an error in its file, or it does not define what it must.
        ModuleNotFoundError: it needs a package that is not installed.
    """
    found = find(kind, name)
    module = found.component.load()
    needed = _DEFINES[kind]
    if not any(hasattr(module, one) for one in needed):
        raise BrokenComponentError(
            f"component {found.component.name}: {found.component.file} defines no "
            f"{' or '.join(needed)}, which a component of the kind {kind} needs; "
            "docs/extending.md has examples"
        )
    return module, found


def _parameters(component: Component, name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters with their values; one that is given its default is refused.

    So no two names stand for the same thing, and a trial has one identity.
    """
    allowed = component.declared.get("PARAMETERS", {})
    values = {key: default for key, (default, *_) in allowed.items()}
    for key, text in given.items():
        if key not in allowed:
            what = f"only {', '.join(allowed)}" if allowed else "no parameters"
            raise UserError(f"{component.kind} {name!r}: {component.name} has {what}, not {key!r}")
        default, *limits = allowed[key]
        values[key] = _number(f"{component.kind} {name!r}: {key}", text, default, limits)
        if values[key] == default:
            short = names.join(component.name, {k: v for k, v in given.items() if k != key})
            raise UserError(
                f"{component.kind} {name!r}: {key} {default} is the default; write {short}"
            )
    return values


def _number(what: str, text: str, default: Any, limits: Sequence[Any]) -> Any:
    """Return a parameter's value, in the type of its default."""
    if default is False:  # a flag is given or not given
        if text:
            raise UserError(f"{what} takes no value; write it alone")
        return True
    low, high = limits
    kind = "a whole number" if isinstance(default, int) else "a number"
    try:
        names.number(text)
        value = type(default)(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UserError(f"{what} {text!r} is not {kind} from {low} to {high}")
    return value
