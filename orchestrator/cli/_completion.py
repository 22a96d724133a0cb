"""What a shell offers behind a command: names of studies, trials, parts and columns.

Asked at every press of the tab key, so it needs no torch, Ray, pandas or pydantic, and looks at
local folders alone. `untuned --help` says how a shell learns of it.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import click

import studies

#: Files of a study's results that are looked through for trials; more take too long.
_MOST_PARTS = 100

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def study(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Shipped studies, those with local results, and study files."""
    shipped = (path.stem for path in (Path(studies.__file__).parent / "library").glob("*.yaml"))
    recorded = (path.parent.name for path in _results(context).glob("*/definitions"))
    return [*_fitting({*shipped, *recorded}, incomplete), *_files(incomplete)]


def trial(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids of the study's finished trials, where its results are local and not too many."""
    folder = _results(context) / str(context.params.get("study")) / "trials"
    found = sorted(folder.glob("[!_.]*.parquet"))
    if not 0 < len(found) <= _MOST_PARTS:
        return []
    import pyarrow.parquet as pq

    ids = set[str]()
    for path in found:
        try:
            ids.update(pq.read_table(path, columns=["trial_id"])["trial_id"].to_pylist())
        except (OSError, ValueError):  # damaged: nothing that a shell could say
            continue
    return _fitting(ids, incomplete)


def part(kind: str) -> Complete:
    """The names of a kind of part; none for a field that names no part."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from trainers import registry

        found = registry.components(kind) if kind in registry.KINDS else ()
        return _fitting((name for one in found for name in one.examples), incomplete)

    return complete


def among(names: Iterable[str]) -> Complete:
    """One of these names."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return _fitting(names, incomplete)

    return complete


def _results(context: click.Context) -> Path:
    given = str(context.params.get("results") or "results")
    return Path("results" if "://" in given else given)


def _fitting(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _files(incomplete: str) -> list[str]:
    """Study files, and folders that may hold some, as far as they are typed."""
    folder, slash, begun = incomplete.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    return [
        f"{folder}{slash}{path.name}"
        for path in found
        if path.name.startswith(begun) and path.suffix in (".yaml", ".yml")
    ]
