"""Finds components: files of a folder of this project, and modules of other installed packages.

A component is one Python file. Its declarations are constants at the top of that file. They are
read from the source without running it (as setuptools reads ``attr:`` versions), so that names and
identities are known without a heavy import.

A component with an error in it is left out, and with it its own name alone: everything else works.
`left_out` names it, with file and line, and so does whoever asks for its name.
"""

import ast
import contextlib
import difflib
import importlib
import importlib.metadata
import importlib.util
import itertools
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from studies.errors import UserError, shown

#: How similar an unknown constant must be to a declaration to count as misspelt, from 0 to 1.
_SIMILAR = 0.8
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
#: Code whose names are local to it.
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SCOPES = (*_DEFINITIONS, ast.Lambda)
#: Further code that binds a name.
_NAMED = (*_DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)


#: Components with an error that were found in this process, and where the error is, by module.
_left_out: dict[str, str] = {}


class BrokenComponentError(UserError):
    """A component that cannot be used, because of an error in its file."""


def left_out() -> list[str]:
    """Return a line for each component with an error that this process has come across."""
    return sorted(_left_out.values())


def leave_out(module: str, error: Exception | str) -> None:
    """Remember that a module cannot be used.

    Args:
        module: its import path.
        error: why, with file and line.
    """
    _left_out[module] = str(error)


@dataclass(frozen=True)
class Declaration:
    """A constant that a component's file may declare.

    Attributes:
        allowed: what its value may be, in words, such as ``a whole number, at least 1``.
        fits: whether a value is allowed.
    """

    allowed: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Component:
    """A component's file and what it declares.

    Attributes:
        kind: what the component is, such as ``method``.
        name: its name, or the common part of its names.
        module: the import path of its file.
        file: the file.
        declared: the values of its declarations.
        error: why it cannot be used, with file and line; empty if it can be.
    """

    kind: str
    name: str
    module: str
    file: Path
    declared: Mapping[str, Any]
    error: str = ""

    @property
    def pattern(self) -> str:
        """A regular expression for the names that find it, without parameters."""
        return str(self.declared.get("PATTERN", re.escape(self.name)))

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of these names, the best known one first."""
        return tuple(self.declared.get("EXAMPLES", (self.name,)))

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields of `Trial` that it reads beyond those that every trial may set."""
        return tuple(self.declared.get("READS", ()))

    @property
    def refuses(self) -> tuple[str, ...]:
        """The fields that every trial may set but that make no difference to it."""
        return tuple(self.declared.get("REFUSES", ()))

    @property
    def revision(self) -> int:
        """1, or more if its results have changed."""
        return int(self.declared.get("REVISION", 1))

    def load(self) -> ModuleType:
        """Import the component's file.

        Raises:
            BrokenComponentError: there is an error in it.
            ModuleNotFoundError: it needs a package that is not installed.
        """
        if self.error:
            raise BrokenComponentError(self.error)
        return imported(self.module, f"component {self.name}")


#: Our own packages, and what the extra `run` installs: who lacks it is told how to install it.
_OWN = ("analysis", "orchestrator", "studies", "trainers")
_EXTRA = ("ray", "sklearn", "torch", "torchvision")


def imported(module: str, what: str) -> ModuleType:
    """Import a module that may be another author's; what it prints goes to stderr.

    Args:
        module: its import path.
        what: what it is, for the error.

    Raises:
        BrokenComponentError: there is an error in it.
        ModuleNotFoundError: it needs a package that is not installed.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout may be JSON or CSV
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise BrokenComponentError(f"{what}: there is no module {module}") from None
        if module.partition(".")[0] in _OWN or str(error.name).partition(".")[0] in _EXTRA:
            raise
        raise BrokenComponentError(f"{what}: {module} {_failed(error)}") from error
    except (Exception, SystemExit) as error:  # whatever its author wrote
        raise BrokenComponentError(f"{what}: {module} {_failed(error)}") from error


def _failed(error: Exception | SystemExit) -> str:
    """Say that a module cannot be imported, why, and in which line."""
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f" in {error.filename}, line {error.lineno}"
    elif frames := traceback.extract_tb(error.__traceback__):
        where = f" in {frames[-1].filename}, line {frames[-1].lineno}"
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"cannot be imported ({type(error).__name__}{where}: {reason})"


def in_folder(
    kind: str, folder: Path, package: str, known: Mapping[str, Declaration]
) -> list[Component]:
    """Return the components in a folder, sorted by file; a leading underscore hides a file.

    One with an error says so.

    Args:
        kind: what the components are.
        folder: the folder of their files.
        package: the import path of the folder.
        known: the declarations that their files may hold.
    """
    return [
        _component(kind, file.stem.replace("_", "-"), f"{package}.{file.stem}", file, known)
        for file in sorted(folder.glob("[!_]*.py"))
    ]


def _component(
    kind: str, name: str, module: str, file: Path, known: Mapping[str, Declaration]
) -> Component:
    """Return a component; one with an error if its declarations cannot be read."""
    try:
        return Component(kind, name, module, file, declarations(file, known))
    except UserError as error:
        leave_out(module, error)
        return Component(kind, name, module, file, {}, str(error))


def by_entry_point(kind: str, group: str, known: Mapping[str, Declaration]) -> list[Component]:
    """Return the components that other packages add through a group of entry points.

    One with an error says so.

    Args:
        kind: what the components are.
        group: the entry points' group; each of them names a module.
        known: the declarations that their files may hold.
    """
    components = []
    for point in entry_points(group):
        error = f"entry point {point.name}: there is no module {point.value}"
        spec = None
        try:
            with contextlib.redirect_stdout(sys.stderr):  # as in `imported`
                spec = importlib.util.find_spec(point.value)
        except (ImportError, ValueError):  # the package around it is missing, or has no spec
            pass
        except (Exception, SystemExit) as failure:  # an error in the package around it
            error = f"entry point {point.name}: {point.value} {_failed(failure)}"
        if spec is None or spec.origin is None:
            leave_out(point.value, error)
            components.append(Component(kind, point.name, point.value, Path(), {}, error))
            continue
        components.append(_component(kind, point.name, point.value, Path(spec.origin), known))
    return components


def without_namesakes(
    own: Mapping[str, Component], others: Iterable[Component]
) -> dict[str, Component]:
    """Return components by name; one of another package whose name is taken is left out.

    Args:
        own: those of this project.
        others: those of other packages; of two with one name the first counts.
    """
    named = dict(own)
    for one in others:
        if one.name in named:
            _name_taken(one, named[one.name].file)
        else:
            named[one.name] = one
    return named


def discover(
    kind: str, folder: Path, package: str, group: str, known: Mapping[str, Declaration]
) -> tuple[Component, ...]:
    """Return all components of a kind: those of `in_folder`, then those of `by_entry_point`.

    One of another package that declares no pattern, and whose name finds one of this project, has
    an error: it could never be found.
    """
    own = in_folder(kind, folder, package, known)
    others = []
    for one in by_entry_point(kind, group, known):
        taken = next((c.file for c in own if re.fullmatch(c.pattern, one.name)), None)
        if taken and not one.error and "PATTERN" not in one.declared:
            one = replace(one, error=_name_taken(one, taken))
        others.append(one)
    return (*own, *others)


def _name_taken(component: Component, file: Path) -> str:
    """Leave a component out because of its name, and return why."""
    name, kind = component.name, component.kind
    reason = f"entry point {name}: {file} is a {kind} of this name already; give it another one"
    leave_out(component.module, reason)
    return reason


def entry_points(group: str) -> Any:
    """Return the entry points of a group, of all installed packages."""
    return _entry_points().select(group=group)


@cache
def _entry_points() -> Any:  # Python 3.12 changed the type
    """Return those of all installed packages; reading them takes a while."""
    try:
        return importlib.metadata.entry_points()
    except Exception:  # a package's entry_points.txt is damaged, and Python gives up on all
        return _readable_entry_points()


def _readable_entry_points() -> Any:
    """Return the entry points of the packages whose file of them can be read.

    A package with a damaged file is left out. Of several installations of a package the first on
    the path counts, as Python has it.
    """
    points: dict[str, list[Any]] = {}
    for package in importlib.metadata.distributions():
        name = "?"
        try:
            name = package.metadata["Name"]
            if (key := re.sub(r"[-_.]+", "-", name).lower()) not in points:
                points[key] = list(package.entry_points)
        except Exception as error:  # whatever its file holds
            reason = f"entry_points.txt cannot be read ({type(error).__name__}: {error})"
            leave_out(f"package {name}", f"package {name}: {reason}")
    return importlib.metadata.EntryPoints(itertools.chain.from_iterable(points.values()))


def forget() -> None:
    """Read the entry points again when they are next needed: packages may have been installed."""
    _entry_points.cache_clear()
    _left_out.clear()


def declarations(file: Path, known: Mapping[str, Declaration]) -> dict[str, Any]:
    """Read what a component's file declares, without running it.

    A declaration is an assignment at the top level of the file, ``REVISION = 2`` or
    ``REVISION: int = 2``, of a literal value. Other constants are the file's own, unless their
    name is so similar to a declaration's that it must be misspelt.

    Args:
        file: the file.
        known: the declarations that it may hold.

    Raises:
        UserError: the file cannot be read, or a declaration is written in another way, misspelt
            or not allowed; one line that names the file.
    """
    declared: dict[str, Any] = {}
    for statement in _parsed(file).body:
        name, value = _plain(statement)
        if name in known and value is not None:
            declared[name] = _literal(file, name, value, known[name])
            continue
        imports = isinstance(statement, (ast.Import, ast.ImportFrom))
        for bound, line in _bound(statement):
            if bound in known:
                raise _not_plain(file, line, bound, known[bound])
            if not imports and _CONSTANT.fullmatch(bound):
                _check_spelling(file, line, bound, known)
    return declared


def _parsed(file: Path) -> ast.Module:
    try:
        with warnings.catch_warnings():  # about its code, which is not run here
            warnings.simplefilter("ignore")
            return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.strerror if isinstance(error, OSError) else f"not Python: {error}"
        raise UserError(f"component {file}{line}: {reason}") from None


def _plain(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """Return the name and the value of an assignment to one name; an empty name otherwise."""
    if isinstance(statement, ast.AnnAssign):
        targets: list[ast.expr] = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    else:
        return "", None
    if len(targets) == 1 and isinstance(targets[0], ast.Name):
        return targets[0].id, statement.value
    return "", None


def _literal(file: Path, name: str, value: ast.expr, declaration: Declaration) -> Any:
    """Return the value of a literal.

    Raises:
        UserError: it is no literal, or not allowed.
    """
    try:
        literal = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise _not_plain(file, value.lineno, name, declaration) from None
    if not declaration.fits(literal):
        raise UserError(
            f"component {file}, line {value.lineno}: {name} = {shown(literal)} is not allowed; "
            f"give {declaration.allowed}"
        )
    return literal


def _not_plain(file: Path, line: int, name: str, declaration: Declaration) -> UserError:
    return UserError(
        f"component {file}, line {line}: {name} is read without running the file; declare it at "
        f"the top level as {name} = VALUE, where VALUE is written out: {declaration.allowed}"
    )


def _check_spelling(file: Path, line: int, name: str, known: Mapping[str, Declaration]) -> None:
    close = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
    if close:
        raise UserError(
            f"component {file}, line {line}: unknown declaration {name}; did you mean {close[0]}? "
            f"write _{name} if it is something else"
        )


def _bound(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name that a statement binds at the level of its file, with its line."""
    line = getattr(node, "lineno", 0)
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id, line
    elif isinstance(node, ast.alias):
        yield node.asname or node.name, line
    elif isinstance(node, _NAMED) and node.name:
        yield node.name, line
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)
