"""Finds the parts that a trial names: methods, networks, data sets, weights, activations.

A part is one file, named after it, in the folder of its kind; a package of one's own adds parts
through the entry points ``untuned.methods``, ``untuned.networks`` and so on, each naming a module.
What such a file declares in capitals is read from its source without running it (as setuptools
reads ``attr:`` versions), so that names and identities need no torch:

    PATTERN   the names it answers to, a regular expression; its groups go to the part as numbers
    EXAMPLE   a name that fits the pattern, for lists and hints
    READS     the fields of `Trial` that a method reads beyond the common ones
    REVISION  1, and one more whenever a mended bug changes results: older trials run again
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from studies.errors import UserError, unknown

#: A field of `Trial` that names a part, and the folder of such parts.
KINDS = {
    "network": "networks",
    "dataset": "datasets",
    "method": "methods",
    "weights": "weights",
    "activation": "activations",
}


@dataclass(frozen=True)
class Part:
    """A part's file and what it declares.

    Attributes:
        kind: a key of `KINDS`.
        module: the import path of its file.
        pattern: the names that it answers to.
        example: one of these names.
        reads: the trial's fields that it reads beyond the common ones.
        revision: 1, or more where results have changed.
    """

    kind: str
    module: str
    pattern: str
    example: str
    reads: tuple[str, ...] = ()
    revision: int = 1

    def load(self) -> ModuleType:
        """Import the part's file."""
        return importlib.import_module(self.module)


@cache
def parts(kind: str) -> tuple[Part, ...]:
    """All parts of a kind, built-in and by entry point.

    Args:
        kind: a key of `KINDS`.
    """
    folder = KINDS[kind]
    files = sorted((Path(__file__).parent / folder).glob("[!_]*.py"))
    found = [(f.stem.replace("_", "-"), f"trainers.{folder}.{f.stem}", f) for f in files]
    for point in importlib.metadata.entry_points(group=f"untuned.{folder}"):
        spec = importlib.util.find_spec(point.value)
        if spec is None or spec.origin is None:
            raise UserError(f"entry point {point.name}: there is no module {point.value}")
        found.append((point.name, point.value, Path(spec.origin)))
    return tuple(_part(kind, name, module, path) for name, module, path in found)


def find(kind: str, name: str) -> tuple[Part, tuple[int, ...]]:
    """The part that a name stands for, and the numbers in the name.

    Raises:
        UserError: there is none; names the close matches.
    """
    for part in parts(kind):
        match = re.fullmatch(part.pattern, name)
        if match:
            return part, tuple(int(n) for n in re.findall(r"\d+", "".join(match.groups())))
    free = [part.example for part in parts(kind) if "(" in part.pattern]
    hint = f"; the numbers in {free[0]} are free" if free else ""
    raise UserError(f"{unknown(kind, name, [part.example for part in parts(kind)])}{hint}")


def load(kind: str, name: str) -> tuple[Any, tuple[int, ...]]:
    """The module of the part that a name stands for, and the numbers in the name."""
    part, numbers = find(kind, name)
    return part.load(), numbers


def _part(kind: str, name: str, module: str, path: Path) -> Part:
    declared: dict[str, Any] = {"PATTERN": re.escape(name), "EXAMPLE": name}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            target = statement.targets[0].id
            if target in ("PATTERN", "EXAMPLE", "READS", "REVISION"):
                declared[target] = ast.literal_eval(statement.value)
    return Part(
        kind,
        module,
        declared["PATTERN"],
        declared["EXAMPLE"],
        tuple(declared.get("READS", ())),
        declared.get("REVISION", 1),
    )
