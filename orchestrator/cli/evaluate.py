"""`untuned evaluate`."""

import json
from pathlib import Path

import click

from orchestrator.cli import _data, _options


@click.command(name="evaluate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", help="Another data set than the one that it was trained on.")
@_options.data_option
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Which images.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(
    file: Path, dataset: str | None, data: tuple[str, ...], split: str, as_json: bool
) -> None:
    """Evaluate a trained network, a FILE from `untuned export` or `untuned train --save`.

    On the data set that it was trained on it has the recorded accuracy, to the last digit.
    """
    from studies import sources
    from studies.errors import UserError
    from trainers import datasets, methods, runtime
    from trainers.batches import Batches
    from trainers.measures import evaluation
    from trainers.network_files.format import read_network

    runtime.settle()
    saved = read_network(file)
    trial, about = saved.trained.trial, saved.about
    (name,), own = sources.bind([dataset or trial.dataset], _data.named_sources(data), Path.cwd())
    loaded = datasets.load(name, _data.places(data, [name], own)[name])
    if list(loaded.shape) != about["shape"] or loaded.classes != about["classes"]:
        raise UserError(
            f"data set {name}: {loaded}; the network takes images of "
            f"{about['shape'][1]}x{about['shape'][2]}x{about['shape'][0]} in {about['classes']} "
            "classes; give such a one with --dataset"
        )
    pack = saved.pack()
    batches = Batches(saved.normalised(loaded), pack.trials, saved.mean.device)
    found = evaluation.evaluate(pack, methods.load(trial), batches, split)
    accuracy, loss, images = found.accuracy.item(), found.loss.item(), found.correct.shape[1]
    same = loaded.fingerprint == about["fingerprint"]
    recorded = about["scores"]["test_accuracy"] if same and split == "test" else None
    if as_json:
        told = {"dataset": name, "split": split, "images": images, "accuracy": accuracy}
        print(json.dumps(told | {"loss": loss, "recorded_accuracy": recorded}))
        return
    print(f"{file}: {trial.network}, {trial.method}, {trial.weights}, seed {trial.seed}")
    print(f"{name}, {images} {split} images: accuracy {accuracy:.2%}, loss {loss:.4f}")
    if recorded is not None:
        alike = "the same to the last digit" if recorded == accuracy else f"{accuracy - recorded:+}"
        print(f"recorded: accuracy {recorded:.2%}; {alike}")
    elif not same:
        print(f"trained on {about['dataset']} of other images, and normalised by those")
