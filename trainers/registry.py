"""Finds the components that a trial names: methods, networks, data sets, weights, activations.

A component is one file, named after it, in the folder of its kind; a package of your own adds some
through the entry points ``untuned.methods``, ``untuned.networks`` and so on, each naming a module.
What such a file declares in capitals is read from its source without running it (as setuptools
reads ``attr:`` versions), so that names and identities need no torch:

    PATTERN     the names it answers to, a regular expression; the component gets its groups as
                numbers
    EXAMPLES    names that it answers to, for lists and hints
    NOTE        what the examples do not tell about its names
    PARAMETERS  for each parameter in brackets behind the name its default, least and greatest value
    READS       the fields of `Trial` that it reads beyond the common ones
    REFUSES     common fields that make no difference to it, so that they must not be given
    LEAST_EPOCHS  a method's; a parameter `rewind` in its name is added
    MIXES       a method's: True if it has one round, needs no batch to begin, keeps nothing with a
                layer but what is trained, the effective weights and a price, and can be held by a
                CUDA graph: trials of other such methods can then be trained beside it in one pack
    REVISION    1, and one more whenever a mended bug changes results: older trials run again

A data set that comes with the project also declares its SHAPE (channels, height, width), CLASSES
and IMAGES (in training, without validation, and in evaluation), so that a study can be estimated
before it is downloaded.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from studies import names, sources
from studies.errors import UserError, unknown

#: A field of `Trial` that names a component, and the folder of such components.
KINDS = {
    "network": "networks",
    "dataset": "datasets",
    "method": "methods",
    "weights": "weights",
    "activation": "activations",
}
_OF_ALL = (
    "PATTERN",
    "EXAMPLES",
    "NOTE",
    "PARAMETERS",
    "READS",
    "REFUSES",
    "REVISION",
    "LEAST_EPOCHS",
    "MIXES",
)
_DECLARED = (*_OF_ALL, "SHAPE", "CLASSES", "IMAGES")


@dataclass(frozen=True)
class Component:
    """A component's file and what it declares.

    Attributes:
        kind: a key of `KINDS`.
        name: its name, or the stem of its names.
        module: the import path of its file.
        declared: the literals that its file declares.
    """

    kind: str
    name: str
    module: str
    declared: Mapping[str, Any]

    @property
    def pattern(self) -> str:
        """The names that it answers to, without parameters."""
        return str(self.declared.get("PATTERN", re.escape(self.name)))

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of these names, the first one the best known."""
        return tuple(self.declared.get("EXAMPLES", (self.name,)))

    @property
    def reads(self) -> tuple[str, ...]:
        """The trial's fields that it reads beyond the common ones."""
        return tuple(self.declared.get("READS", ()))

    @property
    def refuses(self) -> tuple[str, ...]:
        """The common fields that make no difference to it."""
        return tuple(self.declared.get("REFUSES", ()))

    @property
    def revision(self) -> int:
        """1, or more where results have changed."""
        return int(self.declared.get("REVISION", 1))

    def load(self) -> ModuleType:
        """Import the component's file."""
        return importlib.import_module(self.module)


@cache
def _entry_points() -> Any:
    """Those of all installed packages, which take a while to read; Python 3.12 changed the type."""
    return importlib.metadata.entry_points()


@cache
def components(kind: str) -> tuple[Component, ...]:
    """All components of a kind, built-in and by entry point.

    Args:
        kind: a key of `KINDS`.
    """
    folder = KINDS[kind]
    files = sorted((Path(__file__).parent / folder).glob("[!_]*.py"))
    found = [(f.stem.replace("_", "-"), f"trainers.{folder}.{f.stem}", f) for f in files]
    for point in _entry_points().select(group=f"untuned.{folder}"):
        spec = importlib.util.find_spec(point.value)
        if spec is None or spec.origin is None:
            raise UserError(f"entry point {point.name}: there is no module {point.value}")
        found.append((point.name, point.value, Path(spec.origin)))
    return tuple(Component(kind, name, module, _declared(path)) for name, module, path in found)


def forget() -> None:
    """Look for components anew when they are next asked for: packages were installed meanwhile."""
    _entry_points.cache_clear()
    components.cache_clear()


@dataclass(frozen=True)
class Found:
    """The component that a name stands for.

    Attributes:
        component: the component.
        numbers: those in the name, such as 300 and 100 in ``lenet-300-100``.
        parameters: those in brackets, the component's defaults where nothing is said.
    """

    component: Component
    numbers: tuple[int, ...]
    parameters: Mapping[str, Any]


def find(kind: str, name: str) -> Found:
    """The component that a name stands for, with the numbers and parameters in the name.

    Raises:
        UserError: there is none, with the close matches; or a parameter is not allowed.
    """
    source = sources.split(name) if kind == "dataset" else None
    stem, given = names.split(source[0] if source else name)
    stem += ":" if source else ""
    for component in components(kind):
        match = re.fullmatch(component.pattern, stem)
        if match and (source or not component.pattern.endswith(":")):
            numbers = [int(n) for group in match.groups() for n in re.findall(r"\d+", group or "")]
            return Found(component, tuple(numbers), _parameters(component, name, given))
    known = unknown(
        kind, name, [example for component in components(kind) for example in component.examples]
    )
    notes = [
        component.declared["NOTE"] for component in components(kind) if "NOTE" in component.declared
    ]
    raise UserError("; ".join([str(known), *notes]))


def load(kind: str, name: str) -> tuple[Any, Found]:
    """The module of the component that a name stands for, and what the name says."""
    found = find(kind, name)
    return found.component.load(), found


def _parameters(component: Component, name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters with their values; one that says its default is refused.

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
    if default is False:  # a flag is given or not given
        if text:
            raise UserError(f"{what} takes no value; write it alone")
        return True
    low, high = limits
    kind = "a whole number" if isinstance(default, int) else "a number"
    try:
        value = type(default)(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UserError(f"{what} {text!r} is not {kind} from {low} to {high}")
    return value


def _declared(path: Path) -> dict[str, Any]:
    """The constants in capitals that a file assigns literals to."""
    declared: dict[str, Any] = {}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            target = statement.targets[0].id
            if target in _DECLARED:
                declared[target] = ast.literal_eval(statement.value)
    return declared
