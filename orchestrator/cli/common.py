"""Options and look-ups that several commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from studies.errors import UserError

if TYPE_CHECKING:
    from studies.store import Store
    from studies.study import Study

study_argument = click.argument("study")

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
    help="Folder of the data sets, or of one of them; else UNTUNED_DATA, else the user's cache.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to train.",
)


def data_folders(given: tuple[str, ...], names: set[str]) -> dict[str, Path]:
    """For each data set's name the folder to look in.

    Args:
        given: the values of --data, DIR or NAME=DIR; a later one counts more.
        names: the data sets that are needed.

    Raises:
        UserError: a folder that the user named does not exist.
    """
    from trainers import datasets, parts

    default, own = datasets.default_root(), dict[str, Path]()
    for value in given:
        name, equals, folder = value.partition("=")
        if equals and "/" not in name:
            parts.find("dataset", name)
            own[name] = datasets.existing(Path(folder).expanduser())
        else:
            default = datasets.existing(Path(value).expanduser())
    return {name: own.get(name, default) for name in names}


def device(wanted: str) -> str:
    """The device to train on: ``cpu`` or ``cuda``.

    Raises:
        UserError: there is no such device here.
    """
    from trainers import runtime

    found = runtime.choose_device(wanted)
    if not found:
        raise UserError("--device cuda: PyTorch sees no GPU here; give --device cpu")
    return found


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
    return store, store.definitions() or ([study] if study else [])


def cells(trials: Mapping[str, Mapping[str, object]]) -> dict[tuple[str, ...], list[str]]:
    """Trial ids by cell: by the fields other than the seed in which the trials differ.

    The first key holds the names of these fields and no ids.

    Args:
        trials: the fields of each trial by its id.
    """
    rows = list(trials.values())
    names = [n for n in (rows[0] if rows else {}) if len({row[n] for row in rows}) > 1]
    names = [n for n in names if n not in ("seed", "revisions")]
    found: dict[tuple[str, ...], list[str]] = {tuple(names): []}
    for trial_id, row in trials.items():
        found.setdefault(tuple(str(row[n]) for n in names), []).append(trial_id)
    return found
