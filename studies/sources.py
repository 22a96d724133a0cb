"""Data sets of one's own: a name in the trials, bound to where the images lie.

A source is ``folder:PATH`` or ``parquet:PATH``, with parameters as in ``folder(size=32):PATH``.
A trial holds the name alone, so that it is the same trial wherever the images lie.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from studies.errors import UserError

_SOURCE = re.compile(r"([a-z][a-z0-9-]*(?:\([^()]*\))?):(.+)")


def split(text: str) -> tuple[str, str] | None:
    """How the images are stored (``folder``, ``parquet``) and their path; None for another text."""
    match = _SOURCE.fullmatch(text)
    return (match[1], match[2]) if match else None


def name_and_source(dataset: str) -> tuple[str, str | None]:
    """The name that stands in a trial for a data set, and its source if it was given as one.

    ``parquet:/data/pets`` is named ``parquet:pets``.
    """
    parts = split(dataset)
    if parts is None:
        return dataset, None
    return f"{parts[0]}:{Path(parts[1]).name}", dataset


def absolute(source: str, base: Path) -> str:
    """The source with its path made absolute, read relative to ``base``; ``~`` is the home."""
    parts = split(source)
    scheme, path = (f"{parts[0]}:", parts[1]) if parts else ("", source)
    return f"{scheme}{(base / Path(path).expanduser()).absolute()}"


def bind(datasets: list[str], given: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Take the paths out of data sets' names.

    Args:
        datasets: names, or sources such as ``folder:PATH``.
        given: sources that are bound to names already; these count.

    Returns:
        The names, and all sources by name.

    Raises:
        UserError: two sources would have the same name.
    """
    names, bound = [], dict(given)
    for dataset in datasets:
        name, source = name_and_source(dataset)
        names.append(name)
        if source is None or (name in given and name == source):
            continue
        if bound.setdefault(name, source) != source:
            raise UserError(
                f"data set {source}: {name} is {bound[name]} already; name them apart with "
                "data: {NAME: SOURCE} in the study file or --data NAME=SOURCE"
            )
    return names, bound
