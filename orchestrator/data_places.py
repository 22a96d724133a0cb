"""Reads the values of the option --data."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studies.errors import UserError, shown

if TYPE_CHECKING:
    from trainers.datasets import Place


def named_sources(values: Sequence[str]) -> dict[str, str]:
    """Return the sources among the values of --data: the user's own images, by name.

    Args:
        values: each is DIR, NAME=DIR or NAME=SOURCE; only those with a SOURCE count.

    Raises:
        UserError: a source has no name, or is of an unknown kind.
    """
    from studies import sources
    from trainers import registry

    sources_by_name = {}
    for value in values:
        if not value.rpartition("=")[2].strip():
            raise UserError(f"--data {shown(value)}: no folder; give DIR or NAME=DIR")
        if sources.split(value) and not _exists(value):
            raise UserError(f"--data {value}: give it a name, as in --data pets={value}")
        name, equals, source = value.partition("=")
        if not equals or "/" in name or sources.split(source) is None:
            continue
        if not name:
            raise UserError(f"--data {value}: give it a name, as in --data pets{value}")
        registry.find("dataset", source)
        sources_by_name[name] = sources.absolute(source, Path.cwd())
    return sources_by_name


def places(
    values: Sequence[str], names: Iterable[str], sources_by_name: Mapping[str, str]
) -> "dict[str, Place]":
    """Return the place of each data set.

    Args:
        values: the values of --data: DIR, NAME=DIR or NAME=SOURCE; a later one takes precedence.
        names: the data sets that are needed.
        sources_by_name: the sources of the user's own images.

    Raises:
        UserError: a folder that the user named does not exist, or there is none to look in.
    """
    from studies import sources
    from trainers import datasets, registry

    folders = dict[str, Path]()
    default = None
    for value in values:
        name, equals, folder = value.partition("=")
        if not equals or "/" in name:
            default = datasets.existing(sources.expanded(value))
        elif name not in sources_by_name and registry.find("dataset", name):
            folders[name] = datasets.existing(sources.expanded(folder))
    default = default or datasets.default_root()
    found = {}
    for name in names:
        if name in sources_by_name:
            found[name] = datasets.Place.of(sources_by_name[name], name)
            continue
        root = folders.get(name, default)
        if root is None and datasets.reads_files(name):
            raise UserError(
                f"data set {name}: this user has no home to look for it in; name the folder of the "
                "data sets with --data DIR or UNTUNED_DATA"
            )
        found[name] = datasets.Place(name, root or Path())
    return found


def check(places_by_name: "Mapping[str, Place]") -> None:
    """Check that data sets are there or can be downloaded, before anything starts.

    Raises:
        UserError: one is neither.
    """
    from trainers import datasets

    for name, place in places_by_name.items():
        datasets.check(name, place)


def as_arguments(values: Sequence[str], sources_by_name: Mapping[str, str]) -> list[str]:
    """Return the values of --data that name folders as arguments with absolute paths.

    Args:
        values: the values of --data: DIR, NAME=DIR or NAME=SOURCE.
        sources_by_name: the sources that the study holds; they are left out.

    Raises:
        UserError: a data set is unknown.
    """
    from studies import sources
    from trainers import registry

    arguments = []
    for value in values:
        name, equals, folder = value.partition("=")
        if not equals or "/" in name:
            arguments += ["--data", str(sources.expanded(value).absolute())]
        elif name not in sources_by_name and registry.find("dataset", name):
            arguments += ["--data", f"{name}={Path(sources.expanded(folder)).absolute()}"]
    return arguments


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a path, or with a null character
        return False
