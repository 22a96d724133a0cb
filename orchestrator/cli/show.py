"""`untuned show`."""

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _completion, _lookup, _options
from orchestrator.formatting import finite_or_none
from studies.errors import UserError
from studies.trial import FIELDS, REQUIRED, SETTABLE, Trial

if TYPE_CHECKING:
    from studies.study import Study

#: The curves: column, digits after the point, whether in percent, and which value is best.
_CURVES = (
    ("train_accuracy", 2, True, max),
    ("validation_accuracy", 2, True, max),
    ("test_accuracy", 2, True, max),
    ("train_loss", 4, False, min),
    ("validation_loss", 4, False, min),
    ("test_loss", 4, False, min),
    ("changed", 2, True, None),
)
#: Columns on where and how a trial was trained, with their labels.
_PROVENANCE = {
    "finished_at": "finished",
    "seconds": "took",
    "host": "host",
    "device": "device",
    "engine": "engine",
    "versions": "versions",
    "commit": "commit",
    "threads": "threads",
    "tf32": "tf32",
    "pack_size": "pack size",
    "continued_from": "continued from epoch",
    "dataset_fingerprint": "data",
    "attempt": "attempt",
}
#: This many lines of a failure's log are shown.
_LINES = 20


@click.command(name="show")
@_options.study_argument
@click.argument("trial", shell_complete=_completion.trial)
@_options.results_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(study: str, trial: str, results: str, as_json: bool) -> None:
    """Show one TRIAL of STUDY: fields, curves and provenance.

    TRIAL is an id, or the beginning of one that no other trial shares. The last line is the command
    that trains the trial again.
    """
    from orchestrator import plan
    from studies.store.finished import failures, finished, of_trial

    places = _lookup.places(study, results)
    definitions = [definition for store in places for definition in store.definitions.all()]
    done = [(store, finished(store)) for store in places]
    every = frozenset[str]().union(*(its.ids for _, its in done))
    failed = {t: row for store in places for t, row in failures(store, every).items()}
    planned = {t.trial_id for definition in definitions for t in plan.check(definition)}
    name = places[0].study
    trial_id = _lookup.trial_id(trial, {*every, *failed, *planned}, name)
    if trial_id in every:
        store, its = next((store, its) for store, its in done if trial_id in its.ids)
        row = its.row(trial_id)
        epochs, layers = (
            of_trial(store, its, table, row).to_pylist() for table in ("epochs", "layers")
        )
        last_layers = [layer for layer in layers if layer["epoch"] == row["last_epoch"]]
        description = _finished(row, epochs, last_layers, definitions)
    elif trial_id in failed:
        description = _failed(failed[trial_id], definitions)
    else:
        raise UserError(
            f"trial {trial_id} of {name} is planned but not finished; run what is missing "
            f"with: untuned run {study}"
        )
    if as_json:
        print(json.dumps(description, indent=2, allow_nan=False))
    else:
        _show(name, description)


def _finished(
    row: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
    layers: Sequence[Mapping[str, Any]],
    definitions: "Sequence[Study]",
) -> dict[str, Any]:
    """Return a finished trial as values that JSON can hold."""
    from studies.schemas import CONTROLS, FIGURES

    names = [*FIGURES, *CONTROLS]
    return _identity(row, definitions) | {
        "outcome": row["outcome"],
        "last_epoch": row["last_epoch"],
        "figures": {name: finite_or_none(row[name]) for name in names},
        "curves": {"epoch": [epoch["epoch"] for epoch in epochs]}
        | {name: [finite_or_none(epoch[name]) for epoch in epochs] for name, *_ in _CURVES},
        "layers": [
            {
                "layer": layer["layer_name"],
                "connections": layer["connections"],
                "changed": (layer["mask_negative"] + layer["mask_zero"]) / layer["connections"],
            }
            for layer in layers
        ],
        "provenance": {name: _plain(row[name]) for name in _PROVENANCE},
    }


def _failed(row: Mapping[str, Any], definitions: "Sequence[Study]") -> dict[str, Any]:
    """Return a failed trial as values that JSON can hold."""
    columns = ("error", "log", "host", "failed_at", "attempt")
    failure = {name: _plain(row[name]) for name in columns}
    return _identity(row, definitions) | {"outcome": "failed", "failure": failure}


def _identity(row: Mapping[str, Any], definitions: "Sequence[Study]") -> dict[str, Any]:
    """Return a trial's id and fields, and the command that trains it again."""
    configuration = json.loads(row["trial"])
    trial = Trial.from_mapping(configuration)
    sources = {name: source for study in definitions for name, source in study.data.items()}
    return {
        "trial_id": row["trial_id"],
        "configuration": configuration,
        "command": train_command(trial, sources, row.get("engine", "")),
        "mended": _is_mended(trial, sources),
    }


def train_command(trial: Trial, sources: Mapping[str, str], engine: str = "") -> str:
    """Return the `untuned train` command that trains a trial again.

    Args:
        trial: the trial.
        sources: the known sources of the user's own images, by name.
        engine: that it was trained with, if it was; named where `untuned train` may take another.
    """
    from trainers import devices, registry

    options = []
    for name in SETTABLE:
        value = getattr(trial, name)
        if name in REQUIRED or value != FIELDS[name].default:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            options += [f"--{name.replace('_', '-')}", text]
    shipped = {name for dataset in registry.components("dataset") for name in dataset.examples}
    for name in dict.fromkeys((trial.dataset, trial.source)):
        if name and name not in shipped:
            options += ["--data", f"{name}={sources.get(name, 'folder:PATH')}"]
    products = devices.products_of(engine)
    if engine and {products, devices.preferred_products()} != {devices.MM}:
        options += ["--engine", products]
    return shlex.join(["untuned", "train", *options])


def _is_mended(trial: Trial, sources: Mapping[str, str]) -> bool:
    """Return whether a bug fix since then changes the trial's figures."""
    import trainers

    try:
        return trainers.check(trial, sources).revisions != trial.revisions
    except UserError:  # a component no longer exists
        return False


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value


def _show(study: str, description: Mapping[str, Any]) -> None:
    """Print a trial for people."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    style = {"completed": "green"}.get(description["outcome"], "red")
    head = Text.assemble(("trial ", "bold"), (description["trial_id"], "bold"), f" of {study}: ")
    after = f" after epoch {description['last_epoch']}" if "last_epoch" in description else ""
    console.print(head.append(description["outcome"], style).append(after))
    _pairs(console, "", description["configuration"])
    if "failure" in description:
        _pairs(console, "failure", description["failure"])
        _show_log(console, description["failure"]["log"])
    else:
        _show_curves(console, description)
        if any(layer["changed"] for layer in description["layers"]):
            _show_layers(description["layers"])
        provenance = {_PROVENANCE[n]: value for n, value in description["provenance"].items()}
        provenance["took"] = f"{provenance['took']:.2f} s"
        _pairs(console, "provenance", provenance)
    console.print("\n[bold]train it again with[/bold]")
    console.print(Text(f"  {description['command']}"))
    if "folder:PATH" in description["command"]:
        console.print("  (replace PATH by the folder of the images, or write parquet:PATH)")
    if description["mended"]:
        console.print("  (a bug in a component has been fixed since: the figures will differ)")


def _pairs(console: Any, heading: str, values: Mapping[str, Any]) -> None:
    """Print names and values below a heading; None is left out."""
    from rich.text import Text

    from orchestrator import text_tables

    if heading:
        console.print(f"\n[bold]{heading}[/bold]")
    for line in text_tables.pairs(values, console.width):
        console.print(Text(line))


def _show_log(console: Any, log: str) -> None:
    """Print the end of a failure's log, if it is on a local disk."""
    from rich.text import Text

    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines[-_LINES:]:
        console.print(Text(f"  | {line}"))


def _show_curves(console: Any, description: Mapping[str, Any]) -> None:
    """Print a row per curve: a sparkline, and its first, last and best values."""
    from orchestrator import text_tables
    from orchestrator.cli._sparkline import sparkline

    epochs = description["curves"]["epoch"]
    title = f"epochs {epochs[0]} to {epochs[-1]}"
    rows = []
    for name, digits, percent, better in _CURVES:
        curve = [math.nan if value is None else value for value in description["curves"][name]]
        known = [(v, epoch) for v, epoch in zip(curve, epochs, strict=True) if v == v]
        best, at = better(known, key=lambda point: point[0]) if better and known else (math.nan, "")
        shown = [_number(value, digits, percent) for value in (curve[0], curve[-1], best)]
        label = name.replace("_", " ")
        rows.append((label, sparkline(curve, 20), *shown, str(at)))
    numbers = ("first", "last", "best", "epoch")
    text_tables.show(("", title, *numbers), rows, right=numbers)
    expected = description["figures"]["expected_test_accuracy"]
    if expected is not None:
        console.print(f"  test accuracy under the expected mask: {expected:.2%}")


def _number(value: float, digits: int, percent: bool) -> str:
    from analysis.numbers import number

    if value != value:
        return ""
    return f"{number(value * 100, digits)} %" if percent else number(value, digits)


def _show_layers(layers: Sequence[Mapping[str, Any]]) -> None:
    """Print the fraction of each layer's connections that is changed at the end."""
    from orchestrator import text_tables

    rows = []
    for layer in layers:
        bar = "█" * round(layer["changed"] * 24)
        changed = f"{layer['changed']:7.2%}  {bar}"
        rows.append((layer["layer"], f"{layer['connections']:,}", changed))
    text_tables.show(("layer", "connections", "changed at the end"), rows, right=("connections",))
