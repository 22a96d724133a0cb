"""`untuned export`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator import data_places
from orchestrator.cli import _files, _lookup, _options
from orchestrator.formatting import approximate
from studies.errors import UserError
from studies.trial import FIELDS, Trial

if TYPE_CHECKING:
    from studies.store import Store

_SUFFIXES = (".safetensors", ".pt2", ".onnx")


@click.command(name="export")
@_options.study_argument
@click.argument("trial")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_options.results_option
@_options.data_option
@click.option(
    "--state-dict",
    is_flag=True,
    help="Write ordinary weights by name to a .safetensors file, for your own module.",
)
@click.option(
    "--again", is_flag=True, help="If the network was not kept, train it again on this CPU."
)
def command(
    study: str,
    trial: str,
    file: Path,
    results: str,
    data: tuple[str, ...],
    state_dict: bool,
    again: bool,
) -> None:
    """Write the trained network of one TRIAL of STUDY to FILE.

    TRIAL is an id, or the beginning of one that no other trial shares. The suffix of FILE sets the
    format:

    \b
    .safetensors  one bit per connection, for trainers.load_network
                  and `untuned evaluate`
    .pt2          a program for torch.export.load, which needs only PyTorch
    .onnx         a model for other programs
    """  # noqa: D301  (click needs the character itself)
    from studies.store.finished import finished

    if file.suffix not in _SUFFIXES or (state_dict and file.suffix != ".safetensors"):
        allowed = ".safetensors" if state_dict else ", ".join(_SUFFIXES)
        problem = f"--state-dict needs {allowed}" if state_dict else f"give one of: {allowed}"
        raise UserError(f"{file}: no format has the suffix {file.suffix!r}; {problem}")
    _files.check_writable(file)
    places = _lookup.places(study, results)
    done = finished(*places)
    trial_id = _lookup.trial_id(trial, done.ids, places[0].study)
    kept = (store.networks.load(trial_id) for store in places)
    content = None if again else next(filter(None, kept), None)
    if content is None:
        if not again:
            raise UserError(
                f"trial {trial_id}: its network was not kept; add --again to train it again "
                "(`untuned run --keep-networks` keeps the networks of new trials)"
            )
        content = _trained_again(done.row(trial_id), places, data)
    if state_dict or file.suffix != ".safetensors":
        content = _converted(content, file.suffix, state_dict=state_dict)
    _files.write(file, content)
    print(f"{file}: {len(content):,} bytes, trial {trial_id} of {places[0].study}")


def _converted(content: bytes, suffix: str, *, state_dict: bool) -> bytes:
    """Return a network file in another format."""
    from trainers.network_files import export
    from trainers.network_files.format import network_from_bytes
    from trainers.network_files.module import PlainNetwork

    network = PlainNetwork(network_from_bytes(content))
    return export.state_dict(network) if state_dict else export.FORMS[suffix](network)


def _trained_again(
    row: Mapping[str, Any], stores: "Sequence[Store]", data: tuple[str, ...]
) -> bytes:
    """Train a finished trial again and return its network file.

    Args:
        row: the trial's row of `trials`.
        stores: the results of its study.
        data: the values of --data.

    Raises:
        UserError: a data set is missing, or is not the one that was used.
    """
    import trainers
    from orchestrator.execution import data_loading
    from orchestrator.execution.data_loading import DataTask

    definitions = (study for store in stores for study in store.definitions.all())
    named = {name: source for study in definitions for name, source in study.data.items()}
    named |= data_places.named_sources(data)
    values = {name: row[name] for name in FIELDS if name != "revisions"}
    trial = trainers.check(Trial.from_mapping(values), named)
    places = data_places.places(data, data_loading.data_set_names([trial]), named)
    data_places.check(places)
    from trainers import devices, products, runtime
    from trainers.loop import train
    from trainers.recording import Keep

    runtime.settle()
    fingerprints = {
        trial.dataset: row["dataset_fingerprint"],
        trial.source: row["source_fingerprint"],
    }
    tasks = [DataTask(name, place, fingerprints[name], [trial]) for name, place in places.items()]
    sets = {task.name: data_loading.read(task) for task in tasks}
    duration = approximate(row["seconds"])
    print(f"training trial {trial.trial_id} again; it took {duration} before", file=sys.stderr)
    source = sets.get(trial.source)
    *_, last = train(
        [trial],
        sets[trial.dataset],
        source=source,
        keep=Keep(networks=True),
        products=products.by_name(devices.products_of(row["engine"])),
    )
    assert last.final is not None and last.network is not None  # noqa: S101, PT018
    if last.final["test_accuracy"] != row["test_accuracy"]:
        print(
            f"note: its test accuracy is now {last.final['test_accuracy']:.2%}; "
            f"{row['test_accuracy']:.2%} was recorded on {row['device']} with {row['versions']}",
            file=sys.stderr,
        )
    return last.network
