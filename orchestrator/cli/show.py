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

#: The curves: column, digits after the point, whether it is shown in percent, and which is best.
_CURVES = (
    ("train_accuracy", 2, True, max),
    ("validation_accuracy", 2, True, max),
    ("test_accuracy", 2, True, max),
    ("train_loss", 4, False, min),
    ("validation_loss", 4, False, min),
    ("test_loss", 4, False, min),
    ("changed", 2, True, None),
)
#: What is told of where a trial was trained, and how it is called.
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
    "pack_size": "side by side",
    "continued_from": "continued from epoch",
    "dataset_fingerprint": "data",
    "attempt": "attempt",
}
_WIDTH = 20
#: Of a failure's log.
_LINES = 20


@click.command(name="show")
@_options.study_argument
@click.argument("trial", shell_complete=_completion.trial)
@_options.results_option
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON, for programs.")
def command(study: str, trial: str, results: str, as_json: bool) -> None:
    """Show one TRIAL of STUDY: what it is, how it went, where it ran, and how to train it again.

    TRIAL is its id, or as much of it as no other trial has.
    """
    from orchestrator import plan
    from studies.store.finished import failures, finished, of_trial

    store = _lookup.results_store(study, results)
    definitions = store.definitions.all()
    done = finished(store)
    lost = failures(store, done.ids)
    planned = {t.trial_id for definition in definitions for t in plan.check(definition)}
    found = _lookup.trial_id(trial, {*done.ids, *lost, *planned}, store.study)
    if found in done.ids:
        row = done.row(found)
        epochs, layers = (
            of_trial(store, done, table, row).to_pylist() for table in ("epochs", "layers")
        )
        last = [one for one in layers if one["epoch"] == row["last_epoch"]]
        told = _finished(row, epochs, last, definitions)
    elif found in lost:
        told = _failed(lost[found], definitions)
    else:
        raise UserError(
            f"trial {found} of {store.study} is planned and has not ended yet; "
            f"untuned run {study} trains what is missing"
        )
    if as_json:
        print(json.dumps(told, indent=2, allow_nan=False))
    else:
        _show(store.study, told)


def _finished(
    row: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
    layers: Sequence[Mapping[str, Any]],
    definitions: "Sequence[Study]",
) -> dict[str, Any]:
    """A finished trial as plain values."""
    from studies.schemas import CONTROLS, FIGURES

    about = _about(row, definitions)
    names = [*FIGURES, *CONTROLS]
    return about | {
        "outcome": row["outcome"],
        "last_epoch": row["last_epoch"],
        "figures": {name: finite_or_none(row[name]) for name in names},
        "curves": {"epoch": [one["epoch"] for one in epochs]}
        | {name: [finite_or_none(one[name]) for one in epochs] for name, *_ in _CURVES},
        "layers": [
            {
                "layer": one["layer_name"],
                "connections": one["connections"],
                "changed": (one["mask_negative"] + one["mask_zero"]) / one["connections"],
            }
            for one in layers
        ],
        "provenance": {name: _plain(row[name]) for name in _PROVENANCE},
    }


def _failed(row: Mapping[str, Any], definitions: "Sequence[Study]") -> dict[str, Any]:
    """A failed trial as plain values."""
    about = {name: _plain(row[name]) for name in ("error", "log", "host", "failed_at", "attempt")}
    return _about(row, definitions) | {"outcome": "failed", "failure": about}


def _about(row: Mapping[str, Any], definitions: "Sequence[Study]") -> dict[str, Any]:
    """What a trial is, and the command that trains it again."""
    trial = Trial.from_mapping(json.loads(row["trial"]))
    own = {name: source for study in definitions for name, source in study.data.items()}
    about = {"trial_id": row["trial_id"], "configuration": json.loads(row["trial"])}
    return about | {"command": train_command(trial, own), "mended": _mended(trial, own)}


def train_command(trial: Trial, own: Mapping[str, str]) -> str:
    """The `untuned train` that trains a trial again.

    Args:
        trial: the trial.
        own: the sources of the user's own data sets, by name, as far as they are known.
    """
    from trainers import registry

    options = []
    for name in SETTABLE:
        value = getattr(trial, name)
        if name in REQUIRED or value != FIELDS[name].default:
            said = str(value).lower() if isinstance(value, bool) else str(value)
            options += [f"--{name.replace('_', '-')}", said]
    shipped = {example for part in registry.components("dataset") for example in part.examples}
    for name in dict.fromkeys((trial.dataset, trial.source)):
        if name and name not in shipped:
            options += ["--data", f"{name}={own.get(name, 'folder:PATH')}"]
    return shlex.join(["untuned", "train", *options])


def _mended(trial: Trial, own: Mapping[str, str]) -> bool:
    """Whether a part was mended since, so that training the trial again gives other figures."""
    import trainers

    try:
        return trainers.check(trial, own).revisions != trial.revisions
    except UserError:  # a part is not there any more
        return False


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value


def _show(study: str, told: Mapping[str, Any]) -> None:
    """Print a trial for people."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    style = {"completed": "green"}.get(told["outcome"], "red")
    head = Text.assemble(("trial ", "bold"), (told["trial_id"], "bold"), f" of {study}: ")
    after = f" after epoch {told['last_epoch']}" if "last_epoch" in told else ""
    console.print(head.append(told["outcome"], style).append(after))
    _pairs(console, "", told["configuration"])
    if "failure" in told:
        _pairs(console, "failure", told["failure"])
        _show_log(console, told["failure"]["log"])
    else:
        _show_curves(console, told)
        if any(one["changed"] for one in told["layers"]):
            _show_layers(console, told["layers"])
        provenance = {_PROVENANCE[n]: value for n, value in told["provenance"].items()}
        provenance["took"] = f"{provenance['took']:.2f} s"
        _pairs(console, "provenance", provenance)
    console.print("\n[bold]train it again here[/bold]")
    console.print(Text(f"  {told['command']}"))
    if "folder:PATH" in told["command"]:
        console.print("  (PATH: where its images are; parquet:PATH for those in Parquet)")
    if told["mended"]:
        console.print("  (a part of it was mended since: the figures will be others)")


def _pairs(console: Any, heading: str, values: Mapping[str, Any]) -> None:
    """Print names and values below a heading; nothing of what is not known."""
    from rich.text import Text

    if heading:
        console.print(f"\n[bold]{heading}[/bold]")
    for name, value in values.items():
        if value is not None:
            console.print(Text(f"  {name:<{_WIDTH}}{value}"))


def _show_log(console: Any, log: str) -> None:
    """Print the end of a failure's log, where it is on a local disk."""
    from rich.text import Text

    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines[-_LINES:]:
        console.print(Text(f"  | {line}"))


def _show_curves(console: Any, told: Mapping[str, Any]) -> None:
    """Print a line per curve: over the epochs, its first, last and best value."""
    from rich import box
    from rich.table import Table

    from orchestrator.cli._sparkline import sparkline

    epochs = told["curves"]["epoch"]
    title = f"epochs {epochs[0]} to {epochs[-1]}"
    table = Table("", title, "first", "last", "best", "at", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:]:
        column.justify = "right"
    for name, digits, percent, better in _CURVES:
        curve = [math.nan if value is None else value for value in told["curves"][name]]
        known = [(value, at) for value, at in zip(curve, epochs, strict=True) if value == value]
        best, at = better(known, key=lambda one: one[0]) if better and known else (math.nan, "")
        shown = [_number(value, digits, percent) for value in (curve[0], curve[-1], best)]
        label = name.replace("_", " ")
        table.add_row(label, sparkline(curve, 24), *shown, str(at))
    console.print(table)
    expected = told["figures"]["expected_test_accuracy"]
    if expected is not None:
        console.print(f"  test accuracy under the expected mask: {expected:.2%}")


def _number(value: float, digits: int, percent: bool) -> str:
    from analysis.numbers import number

    return number(value * 100, digits) + (" %" if percent else "") if value == value else ""


def _show_layers(console: Any, layers: Sequence[Mapping[str, Any]]) -> None:
    """Print what share of each layer's connections is changed at the end."""
    from rich import box
    from rich.table import Table

    table = Table("layer", "connections", "changed at the end", box=box.SIMPLE_HEAD)
    table.columns[1].justify = "right"
    for one in layers:
        bar = "█" * round(one["changed"] * 24)
        table.add_row(one["layer"], f"{one['connections']:,}", f"{one['changed']:7.2%}  {bar}")
    console.print(table)
