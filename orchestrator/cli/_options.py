"""Options and look-ups that several commands share."""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli import _completion
from studies.errors import UserError

if TYPE_CHECKING:
    from analysis import Results
    from studies.store import Store
    from studies.study import Study
    from trainers.datasets import Place

T = TypeVar("T")

study_argument = click.argument("study", shell_complete=_completion.study)

studies_argument = click.argument(
    "studies", nargs=-1, required=True, metavar="STUDY...", shell_complete=_completion.study
)

results_option = click.option(
    "--results",
    default="results",
    show_default=True,
    metavar="URI",
    help="Folder or URI of the results; a study has a folder of its own in it.",
)

data_option = click.option(
    "--data",
    multiple=True,
    metavar="[NAME=]DIR",
    help="Folder of the data sets, or of one of them; else UNTUNED_DATA, else the user's cache. "
    "NAME=folder:PATH and NAME=parquet:PATH name images of your own.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)

_EXTENT = (
    click.option("--seeds", type=click.IntRange(1, 1_000_000), help="Run the seeds 1 to N."),
    click.option("--epochs", type=click.IntRange(0, 1_000_000), help="Train for N epochs."),
)

#: But for --keep-networks they are the fields of `messages.RunOptions`.
_RUNNING = (
    click.option(
        "--workers", type=click.IntRange(1, 1024), help="Processes; one per core if not given."
    ),
    device_option,
    click.option("--gpus", type=click.IntRange(1, 4096), help="GPUs to use; all if not given."),
    click.option(
        "--gpu-fraction",
        type=click.FloatRange(0, 1, min_open=True),
        help="Share of a GPU for each worker, so that several workers fill it.",
    ),
    click.option("--tf32", is_flag=True, help="Let a GPU multiply with TF32; it is recorded."),
    click.option(
        "--checkpoint",
        "checkpoint_seconds",
        type=click.FloatRange(0),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="Training after which a trial leaves a checkpoint, between epochs; 0 for none.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 1000),
        default=2,
        show_default=True,
        help="How often a trial that failed is tried again.",
    ),
    click.option(
        "--keep-networks", is_flag=True, help="Keep the trained networks, for untuned export."
    ),
    click.option("--fail-fast", is_flag=True, help="Stop at the first trial that fails."),
    click.option(
        "--tensorboard",
        callback=lambda context, option, value: value and str(Path(value).absolute()),
        metavar="DIR",
        help="Folder for the curves of each trial, live, to look at with `tensorboard --logdir "
        "DIR`; on a cluster one that all nodes reach. It needs the extra `tensorboard`.",
    ),
    click.option("--join", is_flag=True, help="Work on a study that is being run already."),
)

Command = TypeVar("Command", bound=Callable[..., Any])


def extent_options(function: Command) -> Command:
    """Options that change the extent of a study."""
    return _with(_EXTENT, function)


def running_options(function: Command) -> Command:
    """Options on how a study is run, here or as a job of a cluster."""
    return _with(_RUNNING, function)


def _with(options: Sequence[Callable[[Command], Command]], function: Command) -> Command:
    for option in reversed(options):
        function = option(function)
    return function


def as_given(values: Mapping[str, Any]) -> list[str]:
    """The values of `running_options` that are not at their default, as they are written."""

    @click.command()
    @running_options
    def options() -> None:
        """Never called: click's own list of them is what is wanted."""

    found = []
    for option in options.params:
        value = values.get(option.name or "")
        if value is None or value is False or value == option.default:
            continue
        found += [option.opts[0]] if value is True else [option.opts[0], str(value)]
    return found


def check_folder(path: Path) -> None:
    """See that a file can be written there, before anything takes time.

    Raises:
        UserError: its folder is not there, or it is a folder itself.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise UserError(f"{path}: {what}; give a file in a folder that is there")


def write(path: Path, content: bytes) -> None:
    """Write a file that the user has named, whole or not at all.

    Raises:
        UserError: it cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_bytes(content)
        half.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            half.unlink()
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def own_data(given: tuple[str, ...]) -> dict[str, str]:
    """The sources of a user's own data sets among the values of --data, by name.

    Raises:
        UserError: a source without a name, or of no known kind.
    """
    from studies import sources
    from trainers import registry

    found = {}
    for value in given:
        if sources.split(value) and not _exists(value):
            raise UserError(f"--data {value}: give it a name, as in --data pets={value}")
        name, equals, source = value.partition("=")
        if not equals or "/" in name or sources.split(source) is None:
            continue
        if not name:
            raise UserError(f"--data {value}: give it a name, as in --data pets{value}")
        registry.find("dataset", source)
        found[name] = sources.absolute(source, Path.cwd())
    return found


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no path could be like that
        return False


def places(
    given: tuple[str, ...], names: Iterable[str], own: Mapping[str, str]
) -> "dict[str, Place]":
    """For each data set's name where it lies.

    Args:
        given: the values of --data, DIR, NAME=DIR or NAME=SOURCE; a later one counts more.
        names: the data sets that are needed.
        own: the sources of the user's own, by name.

    Raises:
        UserError: a folder that the user named does not exist.
    """
    from studies import sources
    from trainers import datasets, registry

    roots = dict[str, Path]()
    default = None
    for value in given:
        name, equals, folder = value.partition("=")
        if not equals or "/" in name:
            default = datasets.existing(sources.expanded(value))
        elif name not in own and registry.find("dataset", name):
            roots[name] = datasets.existing(sources.expanded(folder))
    default = default or datasets.default_root()
    return {
        name: datasets.Place.of(own[name])
        if name in own
        else datasets.Place(name, roots.get(name, default))
        for name in names
    }


def recorded(name_or_path: str, results: str) -> "tuple[Store, list[Study]]":
    """A study's results and the definitions that were run, or the shipped one if none was.

    Args:
        name_or_path: the name of a study that has results or is shipped, or a study file.
        results: the folder or URI of all results.

    Raises:
        UserError: there is neither such a study nor such results.
    """
    from studies.errors import unknown
    from studies.store import Store, studies_in
    from studies.study import find, shipped

    there = studies_in(results)
    is_file = Path(name_or_path).suffix in (".yaml", ".yml")
    if not is_file and name_or_path not in {*there, *shipped()}:
        raise unknown("study", name_or_path, {*there, *shipped()})
    study = None if name_or_path in there else find(name_or_path)
    store = Store(results, study.name if study else name_or_path)
    return store, store.definitions.all() or ([study] if study else [])


def with_results(name: str, results: str) -> "Store":
    """The results of a study by its name or file, or by the folder or URI that they lie in.

    Raises:
        UserError: there are none.
    """
    if "/" in name and not name.endswith((".yaml", ".yml")):
        from analysis.tables import store_of

        store = store_of(name)
        said, runs = f"in {name}", store.study
    else:
        store, _ = recorded(name, results)
        said, runs = f"of {store.study} in {results}", name
    if not store.definitions.all():
        raise UserError(f"no results {said}; run first: untuned run {runs}")
    return store


def loaded(names: Sequence[str], results: str, use: "Callable[[Results], T]") -> "T":
    """Make something of the results of several studies; what is damaged is said.

    Where parts are merged between their being listed and read, it is done once more.

    Raises:
        UserError: one of them has none.
    """
    import sys

    import duckdb

    import analysis

    uris = [with_results(name, results).uri for name in names]
    for last in (False, True):
        found = analysis.load(uris)
        try:
            made = use(found)
        except duckdb.Error:
            if last:
                raise
            continue
        for part in found.damaged:
            print(f"damaged part {part}, left out", file=sys.stderr)
        return made
    raise AssertionError
