"""`untuned export`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import _data, _files, _lookup, _options
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
    help="Write ordinary weights by name, as safetensors, for a module of your own.",
)
@click.option(
    "--again", is_flag=True, help="Train it again, on this CPU; for a network that was not kept."
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

    TRIAL is its id, or as much of it as no other trial has. The form goes by the FILE's suffix:

    \b
    .safetensors  a bit per connection; for trainers.load_network and `untuned evaluate`
    .pt2          a program for torch.export.load, which needs PyTorch alone
    .onnx         for other programs
    """  # noqa: D301  (click wants the character, not a backslash)
    from studies.store.finished import finished

    if file.suffix not in _SUFFIXES or (state_dict and file.suffix != ".safetensors"):
        wanted = ".safetensors" if state_dict else ", ".join(_SUFFIXES)
        raise UserError(f"{file}: its suffix {file.suffix!r} says no form; give one of: {wanted}")
    _files.check_writable(file)
    store = _lookup.results_store(study, results)
    done = finished(store)
    found = _lookup.trial_id(trial, done.ids, store.study)
    content = None if again else store.networks.load(found)
    if content is None:
        if not again:
            raise UserError(
                f"trial {found}: its network was not kept (`untuned run --keep-networks` or "
                "keep_networks: true in the study keeps those of new trials); add --again to "
                "train it once more"
            )
        content = _trained_again(done.row(found), store, data)
    if state_dict or file.suffix != ".safetensors":
        content = _converted(content, file.suffix, state_dict=state_dict)
    _files.write(file, content)
    print(f"{file}: {len(content):,} bytes, trial {found} of {store.study}")


def _converted(content: bytes, suffix: str, *, state_dict: bool) -> bytes:
    from trainers.network_files import export
    from trainers.network_files.format import network_from_bytes
    from trainers.network_files.module import PlainNetwork

    network = PlainNetwork(network_from_bytes(content))
    return export.state_dict(network) if state_dict else export.FORMS[suffix](network)


def _trained_again(row: Mapping[str, Any], store: "Store", data: tuple[str, ...]) -> bytes:
    """The network of a trial that is trained once more.

    Raises:
        UserError: a data set is missing, or not the one that was used.
    """
    import trainers
    from orchestrator.execution import data_loading
    from orchestrator.execution.data_loading import DataTask
    from trainers import runtime
    from trainers.loop import train
    from trainers.recording import Keep

    own = {k: v for study in store.definitions.all() for k, v in study.data.items()}
    own |= _data.named_sources(data)
    values = {name: row[name] for name in FIELDS if name != "revisions"}
    trial = trainers.check(Trial.from_mapping(values), own)
    runtime.settle()
    places = _data.places(data, data_loading.data_sets([trial]), own)
    known = {trial.dataset: row["dataset_fingerprint"], trial.source: row["source_fingerprint"]}
    tasks = [DataTask(name, place, known[name], [trial]) for name, place in places.items()]
    sets = {task.name: data_loading.read(task) for task in tasks}
    print(f"training trial {trial.trial_id} again, about {row['seconds']:.0f} s", file=sys.stderr)
    source = sets.get(trial.source)
    *_, last = train([trial], sets[trial.dataset], source=source, keep=Keep(networks=True))
    assert last.final is not None and last.network is not None  # noqa: S101, PT018
    if last.final["test_accuracy"] != row["test_accuracy"]:
        print(
            f"note: it has a test accuracy of {last.final['test_accuracy']:.2%} now, recorded is "
            f"{row['test_accuracy']:.2%}: it ran on {row['device']} with {row['versions']}",
            file=sys.stderr,
        )
    return last.network
