"""`untuned evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator import data_places
from orchestrator.cli import _files, _options
from orchestrator.formatting import finite_or_none
from studies.errors import UserError

if TYPE_CHECKING:
    from trainers.datasets import Place


@click.command(name="evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--dataset", help="Data set to evaluate on; by default the one that it was trained on."
)
@_options.data_option
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Images to evaluate on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    file: Path, dataset: str | None, data: tuple[str, ...], split: str, as_json: bool
) -> None:
    """Evaluate a trained network that was saved in FILE.

    `untuned export` and `untuned train --save` write such files. On the data set that the network
    was trained on, it has the recorded accuracy, to the last digit.
    """
    _files.check_readable(file, "network")
    data_places.places(data, [], data_places.named_sources(data))  # refuses what does not exist
    name, place = _found(dataset, data) if dataset else ("", None)
    # Now PyTorch, which takes seconds to import.
    from trainers import datasets, methods, runtime
    from trainers.batches import Batches
    from trainers.measures import evaluation
    from trainers.network_files.format import read_network

    runtime.settle()
    saved = read_network(file)
    trial, metadata = saved.trained.trial, saved.about
    if place is None:
        name, place = _found(trial.dataset, data)
    loaded = datasets.load(name, place)
    channels, *pixels = metadata["shape"]
    if list(loaded.shape) != metadata["shape"] or loaded.classes != metadata["classes"]:
        raise UserError(
            f"data set {name}: {loaded}; the network takes images of "
            f"{'x'.join(map(str, [*pixels, channels]))} in {metadata['classes']} classes; "
            "give such a data set with --dataset"
        )
    pack = saved.pack()
    batches = Batches(saved.normalised(loaded), pack.trials, saved.mean.device)
    figures = evaluation.evaluate(pack, methods.load(trial), batches, split)
    accuracy, loss, images = figures.accuracy.item(), figures.loss.item(), figures.correct.shape[1]
    same = loaded.fingerprint == metadata["fingerprint"]
    recorded = metadata["scores"]["test_accuracy"] if same and split == "test" else None
    if as_json:
        output = {"dataset": name, "split": split, "images": images, "accuracy": accuracy}
        output |= {"loss": finite_or_none(loss), "recorded_accuracy": recorded}
        print(json.dumps(output, allow_nan=False))
        return
    print(f"{file}: {trial.network}, {trial.method}, {trial.weights}, seed {trial.seed}")
    print(f"{name}, {images} {split} images: accuracy {accuracy:.2%}, loss {loss:.4f}")
    if recorded is not None:
        difference = accuracy - recorded
        remark = f"differs by {difference:+}" if difference else "identical to the last digit"
        print(f"recorded accuracy: {recorded:.2%} ({remark})")
    elif not same:
        print(
            f"the network was trained on other images (of {metadata['dataset']}), whose mean and "
            "standard deviation normalise these"
        )


def _found(dataset: str, data: tuple[str, ...]) -> "tuple[str, Place]":
    """Return the name and the place of a data set, after checking that it is there.

    Args:
        dataset: its name, or a source such as ``folder:PATH``.
        data: the values of --data.

    Raises:
        UserError: it is neither there nor can it be downloaded.
    """
    from studies import sources

    given = data_places.named_sources(data)
    (name,), named = sources.bind([dataset], given, Path.cwd())
    sources.check_used(given, [name])
    places = data_places.places(data, [name], named)
    data_places.check(places)
    return name, places[name]
