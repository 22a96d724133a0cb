"""The user's own data sets: a name in the trials, and a source that says where the images are.

A source is ``folder:PATH`` or ``parquet:PATH``, with parameters as in ``folder(size=32):PATH``.
A trial contains only the name, so that it is the same trial wherever the images are.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from studies import names
from studies.errors import UserError, shown

_SOURCE = re.compile(r"([a-z][a-z0-9-]*(?:\([^()]*\))?):(.+)")


def split(text: str) -> tuple[str, str] | None:
    """Return the kind of a source (``folder``, ``parquet``) and its path; None for other texts."""
    match = _SOURCE.fullmatch(text)
    return (match[1], match[2]) if match else None


def expanded(path: str) -> Path:
    """Return the path with ``~`` replaced by the user's home.

    Raises:
        UserError: the user does not exist, or has no home.
    """
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # the name of a user cannot be looked up
        own = path.partition("/")[0] == "~"
        problem = "this user has no home" if own else "there is no such user"
        raise UserError(f"{path}: {problem}; write the whole path") from None


def absolute(source: str, base: Path) -> str:
    """Return a source in its canonical spelling, with an absolute path.

    Args:
        source: the source.
        base: the folder that its path is relative to.

    Raises:
        UserError: it is not a source.
    """
    names.check_text("data", source)
    parts = split(source)
    if parts is None:
        raise UserError(f"data {shown(source)}: give folder:PATH or parquet:PATH")
    return f"{names.canonical(parts[0])}:{os.path.normpath(base.absolute() / expanded(parts[1]))}"


def check_used(given: Iterable[str], used: Iterable[str]) -> None:
    """Refuse a source that was named on purpose and that nothing uses: its name is mistyped.

    Args:
        given: names of sources.
        used: the data sets that are trained on.

    Raises:
        UserError: one is not used.
    """
    names_used = sorted({*used} - {""})
    for name in given:
        if name not in names_used:
            raise UserError(
                f"data {name}: no trial uses a data set of this name, only {', '.join(names_used)}"
            )


def bind(
    datasets: list[str], given: Mapping[str, str], base: Path
) -> tuple[list[str], dict[str, str]]:
    """Replace sources by names without paths: ``parquet:/data/pets`` becomes ``parquet:pets``.

    Args:
        datasets: names, or sources such as ``folder:PATH``.
        given: the sources that already have names.
        base: the folder that the sources' paths are relative to.

    Returns:
        The names, and all sources by name.

    Raises:
        UserError: two sources would have the same name.
    """
    bound_names, bound = [], dict(given)
    for dataset in datasets:
        if dataset in given or split(dataset) is None:
            bound_names.append(dataset)
            continue
        source = absolute(dataset, base)
        scheme, path = split(source) or ("", "")
        name = f"{scheme}:{Path(path).name}"
        if bound.setdefault(name, source) != source:
            raise UserError(
                f"data set {source}: {name} is {bound[name]} already; name them apart with "
                "data: {NAME: SOURCE} in the study file or --data NAME=SOURCE"
            )
        bound_names.append(name)
    return bound_names, bound
