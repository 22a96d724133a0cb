"""Completes words in a shell: names of studies, trials, components and columns.

It runs each time that the tab key is pressed. It therefore imports no torch, Ray, pandas or
pydantic, and reads only local folders. `untuned --help` shows how to enable it.
"""

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path

import click

import studies
from studies.names import is_study_file

#: No trials are offered if there are more part files than this; reading them takes too long.
_MOST_PARTS = 100

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def study(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the shipped studies, those with local results, and study files."""
    shipped = (path.stem for path in (Path(studies.__file__).parent / "library").glob("*.yaml"))
    return [*_matching({*shipped, *_recorded(context)}, incomplete), *_study_files(incomplete)]


def recorded_study(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the studies with local results."""
    return _matching(_recorded(context), incomplete)


def _recorded(context: click.Context) -> set[str]:
    """Return the names of the studies with local results."""
    return {path.parent.name for path in _results(context).glob("*/definitions")}


def trial(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of the study's finished trials, if its results are local and not too many."""
    folder = _results(context) / str(context.params.get("study")) / "trials"
    parts = sorted(folder.glob("[!_.]*.parquet"))
    if not 0 < len(parts) <= _MOST_PARTS:
        return []
    import pyarrow.parquet as pq

    ids = set[str]()
    for path in parts:
        try:
            ids.update(pq.read_table(path, columns=["trial_id"])["trial_id"].to_pylist())
        except (OSError, ValueError):  # damaged; a shell cannot show an error here
            continue
    return _matching(ids, incomplete)


def component(kind: str) -> Complete:
    """Return a completion with the components of a kind; empty for any other field."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from trainers import registry

        components = registry.components(kind) if kind in registry.KINDS else ()
        names = (name for component in components for name in component.examples)
        return _matching(names, incomplete)

    return complete


def figure(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the figures of this project."""
    package = importlib.util.find_spec("analysis")
    folder = Path(package.origin or "").parent if package else Path()
    files = (file for part in ("figures", "questions") for file in (folder / part).glob("[!_]*.py"))
    return _matching({file.stem for file in files}, incomplete)


def logger(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the loggers of this project and of other packages."""
    from orchestrator.execution import loggers

    return _matching(loggers.names(), incomplete)


def among(names: Iterable[str]) -> Complete:
    """Return a completion with the given names."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return _matching(names, incomplete)

    return complete


def _results(context: click.Context) -> Path:
    """Return the local folder of all results."""
    folder_or_uri = str(context.params.get("results") or "results")
    return Path("results" if "://" in folder_or_uri else folder_or_uri)


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _study_files(incomplete: str) -> list[str]:
    """Return the study files whose paths begin with a text."""
    folder, slash, prefix = incomplete.rpartition("/")
    try:
        paths = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    return [
        f"{folder}{slash}{path.name}"
        for path in paths
        if path.name.startswith(prefix) and is_study_file(path.name)
    ]
