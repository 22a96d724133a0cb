"""Data sets of one's own: a name in the trials, bound to where the images lie.

A source is ``folder:PATH`` or ``parquet:PATH``, with parameters as in ``folder(size=32):PATH``.
A trial holds the name alone, so that it is the same trial wherever the images lie.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from studies import names
from studies.errors import UserError, shown

_SOURCE = re.compile(r"([a-z][a-z0-9-]*(?:\([^()]*\))?):(.+)")


def split(text: str) -> tuple[str, str] | None:
    """How the images are stored (``folder``, ``parquet``) and their path; None for another text."""
    match = _SOURCE.fullmatch(text)
    return (match[1], match[2]) if match else None


def expanded(path: str) -> Path:
    """The path with ``~`` as the user's home.

    Raises:
        UserError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: there is no such user; write the whole path") from None


def absolute(source: str, base: Path) -> str:
    """A source in its one spelling: its path absolute, relative to ``base`` as it was given.

    Raises:
        UserError: it is no source.
    """
    names.check_text("data", source)
    parts = split(source)
    if parts is None:
        raise UserError(f"data {shown(source)}: give folder:PATH or parquet:PATH")
    return f"{names.canonical(parts[0])}:{os.path.normpath(base.absolute() / expanded(parts[1]))}"


def bind(
    datasets: list[str], given: Mapping[str, str], base: Path
) -> tuple[list[str], dict[str, str]]:
    """Take the paths out of data sets' names: ``parquet:/data/pets`` is named ``parquet:pets``.

    Args:
        datasets: names, or sources such as ``folder:PATH``.
        given: sources that are bound to names already; these count.
        base: what the sources' paths are relative to.

    Returns:
        The names, and all sources by name.

    Raises:
        UserError: two sources would have the same name.
    """
    found, bound = [], dict(given)
    for dataset in datasets:
        if dataset in given or split(dataset) is None:
            found.append(dataset)
            continue
        source = absolute(dataset, base)
        scheme, path = split(source) or ("", "")
        name = f"{scheme}:{Path(path).name}"
        if bound.setdefault(name, source) != source:
            raise UserError(
                f"data set {source}: {name} is {bound[name]} already; name them apart with "
                "data: {NAME: SOURCE} in the study file or --data NAME=SOURCE"
            )
        found.append(name)
    return found, bound
