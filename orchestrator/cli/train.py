"""`untuned train`."""

import json
import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator import data_places
from orchestrator.cli import _completion, _files, _options
from orchestrator.formatting import finite_or_none
from studies.errors import UserError
from studies.trial import FIELDS, SETTABLE, Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset, Place
    from trainers.recording import Record

#: Defaults of this command for fields that have no default in a trial.
_DEFAULTS = {
    "network": "lenet-300-100",
    "dataset": "digits",
    "method": "free-pruning",
    "weights": "he-normal",
    "seed": 1,
    "epochs": 10,
}

_OUTCOMES = {
    "dead": "the trial is dead: the network gives every test image the same output",
    "diverged": "the trial diverged: a loss or a trained number is no longer finite",
}

_FIGURES = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "changed",
)


def _option_for_every_field(function: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed(SETTABLE):
        field = FIELDS[name]
        text = field.metadata["explanation"]
        function = click.option(
            f"--{name.replace('_', '-')}",
            type=field.type,
            default=_DEFAULTS.get(name, field.default),
            show_default=True,
            shell_complete=_complete(name),
            help=f"{text[:1].upper()}{text[1:]}.",
        )(function)
    return function


def _complete(field: str) -> _completion.Complete:
    choices = FIELDS[field].metadata["choices"]
    return _completion.among(choices) if choices else _completion.component(field)


@click.command(name="train")
@_option_for_every_field
@_options.data_option
@_options.device_option
@_options.engine_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object per epoch, each on one line."
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the trained network to this .safetensors file.",
)
def command(
    data: tuple[str, ...],
    device: str,
    engine: str,
    as_json: bool,
    save: Path | None,
    **values: Any,
) -> None:
    """Train one trial here without recording it.

    On a CPU, its results are the same to the bit as in a study. Epoch 0 is before training; from
    epoch 1 on, training loss and accuracy are means over the epoch. Losses are cross-entropies.
    """
    from orchestrator.execution import resources

    if save:
        _check_savable(save)
    trial, places, own = _trial_and_places(values, data)
    chosen_device = resources.device(device)
    sets = _loaded(trial, places, own)
    records = _training(trial, sets, chosen_device, engine, keep_network=save is not None)
    for record in _until_stopped(records):
        print(_json(record) if as_json else _line(record), flush=True)
        if record.final:
            _print_warnings(record)
        if save and record.network:
            _files.write(save, record.network)
            print(f"saved {save}, {len(record.network):,} bytes", file=sys.stderr)


def _check_savable(save: Path) -> None:
    """Check where the network is to be saved, before anything is trained.

    Raises:
        UserError: the file is to have another format, or cannot be written.
    """
    if save.suffix != ".safetensors":
        raise UserError(
            f"--save {save}: give a file that ends in .safetensors; untuned export writes "
            "other formats"
        )
    _files.check_writable(save)


def _trial_and_places(
    values: dict[str, Any], data: Sequence[str]
) -> "tuple[Trial, dict[str, Place], dict[str, str]]":
    """Return the checked trial, where its data sets are, and the sources of the user's own images.

    Args:
        values: the trial's fields as they were given.
        data: the values of --data.

    Raises:
        UserError: the trial cannot be run, or a data set is missing.
    """
    import trainers
    from orchestrator.execution import data_loading
    from studies import sources

    named = data_places.named_sources(data)
    names, own = sources.bind([values["dataset"], values["source"]], named, Path.cwd())
    sources.check_used(named, names)
    trial = Trial.from_mapping(values | {"dataset": names[0], "source": names[1]})
    trial = trainers.check(trial, own)
    places = data_places.places(data, data_loading.data_set_names([trial]), own)
    data_places.check(places)
    return trial, places, own


def _loaded(
    trial: Trial, places: "Mapping[str, Place]", own: Container[str]
) -> "dict[str, Dataset]":
    """Return a trial's data sets by name; what the user's own ones look like is printed.

    Raises:
        UserError: one is damaged, or the two do not go together.
    """
    from orchestrator.execution import data_loading
    from trainers import datasets

    sets = {name: datasets.load(name, place) for name, place in places.items()}
    for name, dataset in sets.items():
        if name in own or dataset.notes:
            print(dataset, file=sys.stderr)
    if trial.source:
        data_loading.check_source(sets[trial.source], sets[trial.dataset])
    return sets


def _training(
    trial: Trial, sets: "Mapping[str, Dataset]", device: str, engine: str, *, keep_network: bool
) -> "Iterator[Record]":
    """Return the training of a trial; see `trainers.loop.train`."""
    from orchestrator.execution import resources
    from trainers import products, runtime
    from trainers.loop import train
    from trainers.recording import Keep

    runtime.settle()
    return train(
        [trial],
        sets[trial.dataset],
        device,
        source=sets.get(trial.source),
        keep=Keep(networks=keep_network),
        products=products.by_name(resources.engine(engine, recorded=())),
    )


def _until_stopped(records: "Iterable[Record]") -> "Iterator[Record]":
    """Yield the records until Ctrl-C.

    Raises:
        SystemExit: Ctrl-C was pressed.
    """
    last = None
    try:
        for last in records:
            yield last
    except KeyboardInterrupt:
        epoch = last.epoch["epoch"] if last else 0
        print(f"untuned: stopped after epoch {epoch}; nothing was recorded", file=sys.stderr)
        raise SystemExit(130) from None


def _print_warnings(record: "Record") -> None:
    """Print what is unusual about a trial that has ended."""
    for row in record.layers:
        if row["mask_zero"] == row["connections"]:
            print(f"untuned: layer {row['layer_name']} keeps no connection", file=sys.stderr)
    if record.final and record.final["outcome"] != "completed":
        print(f"untuned: {_OUTCOMES[record.final['outcome']]}", file=sys.stderr)


def _figures(record: "Record") -> dict[str, Any]:
    """Return the figures of one epoch that are printed."""
    row = record.epoch
    seconds = row["train_seconds"] + row["evaluation_seconds"]
    return {"epoch": row["epoch"], **{n: row[n] for n in _FIGURES}, "seconds": seconds}


def _json(record: "Record") -> str:
    """Return one epoch as JSON."""
    figures = {name: finite_or_none(value) for name, value in _figures(record).items()}
    return json.dumps(figures, allow_nan=False)


def _line(record: "Record") -> str:
    """Return one epoch as a line of text."""
    figures = _figures(record)
    accuracies = [
        f"{split} {figures[f'{split}_loss']:.4f} {figures[f'{split}_accuracy']:7.2%}"
        for split in ("train", "validation", "test")
    ]
    changed = f"changed {figures['changed']:6.2%}   {figures['seconds']:.2f} s"
    return "   ".join([f"epoch {figures['epoch']:3d}", *accuracies, changed])
