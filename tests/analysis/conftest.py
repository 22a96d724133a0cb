"""Results made with the project's own writer: as small as a test needs, and real."""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.tables import Results
from studies.schemas import FIGURES
from studies.store import Store
from studies.store.writer import Writer
from studies.study import Study, from_mapping
from studies.trial import Trial

#: Per method: final accuracy, its spread per seed, final changed fraction.
TYPICAL = {
    "dense": (0.975, 0.004, 0.0),
    "free-pruning": (0.974, 0.004, 0.36),
    "free-flipping": (0.977, 0.003, 0.31),
    "minimal-pruning": (0.955, 0.004, 0.08),
    "minimal-flipping": (0.957, 0.004, 0.036),
}
#: Connections of the layers of lenet-300-100 on digits.
LAYERS = (19_200, 30_000, 1_000)

Final = Callable[[Trial], dict[str, Any]]


def typical(trial: Trial) -> dict[str, Any]:
    """Final figures that look like those of a real study."""
    accuracy, spread, changed = TYPICAL.get(trial.method, (0.9, 0.01, 0.2))
    noise = np.random.default_rng(int(trial.trial_id, 16)).normal()
    return {"test_accuracy": accuracy + spread * noise, "changed": changed * (1 + 0.01 * noise)}


def write(writer: Writer, trial: Trial, final: dict[str, Any]) -> None:
    """Record one trial whose figures approach those of `final` over its epochs.

    `final["epochs"]` holds columns of `epochs` with a value per epoch, `final["layers"]` columns of
    `layers` with the value of all layers in the last epoch, or of each layer where it is a tuple,
    `final["masks"]` a list of masks, bool [outputs, inputs], one per layer, of the last epoch.
    """
    epochs, layers = [], []
    for epoch in range(trial.epochs + 1):
        grown = 1.0 if epoch == trial.epochs else 1 - 0.5**epoch
        accuracy = 0.1 + grown * (final["test_accuracy"] - 0.1)
        changed = final["changed"] * grown
        epochs.append(
            _figures(accuracy, changed)
            | {"epoch": epoch, "train_seconds": 0.5, "evaluation_seconds": 0.1}
            | {name: values[epoch] for name, values in final.get("epochs", {}).items()}
        )
        for number, connections in enumerate(LAYERS):
            off = round(changed * connections)
            kept, half = connections - off, connections // 2
            layers.append(
                {
                    "epoch": epoch,
                    "layer": number,
                    "layer_name": f"layer {number}",
                    "connections": connections,
                    "mask_negative": 0,
                    "mask_zero": off,
                    "mask_positive": kept,
                    "effective_negative": half - off // 2,
                    "effective_zero": off,
                    "effective_positive": kept - half + off // 2,
                }
                | (_of_layer(final, number) if epoch == trial.epochs else {})
            )
    row = (
        _figures(final["test_accuracy"], final["changed"])
        | {
            "outcome": final.get("outcome", "completed"),
            "last_epoch": trial.epochs,
            "test_images": 1000,  # as many as a real data set has
            "dataset_fingerprint": "0123456789ab",
            "engine": "reference",
            "seconds": 3.6,
            "host": "secret-host",
            "device": "cpu",
            "threads": 1,
            "pack_size": 1,
            "versions": "numpy 2, torch 2",
            "commit": None,
        }
        | final.get("row", {})
    )
    row.setdefault("test_correct", _answers(trial.seed, row["test_accuracy"], row["test_images"]))
    masks = [_mask(trial.epochs, *one) for one in enumerate(final.get("masks", []))]
    writer.add(trial, writer.attempt(), row, epochs=epochs, layers=layers, masks=masks)


def _answers(seed: int, accuracy: float | None, images: int) -> bytes:
    """Return the answers to each test image: the wrong ones in a row, from one of the seed's own.

    So trials of a seed are wrong at the same images, and those of two seeds differ at others: there
    is next to no noise of images.
    """
    share = accuracy if accuracy is not None and 0 <= accuracy <= 1 else 0.0
    correct = np.ones(images, bool)
    wrong = images - round(share * images)
    correct[(np.arange(wrong) + seed * images // 16) % images] = False
    return np.packbits(correct).tobytes()


def _of_layer(final: dict[str, Any], number: int) -> dict[str, Any]:
    given = final.get("layers", {})
    return {name: v[number] if isinstance(v, tuple) else v for name, v in given.items()}


def _mask(epoch: int, layer: int, kept: np.ndarray) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "layer": layer,
        "layer_name": f"layer {layer}",
        "shape": list(kept.shape),
        "kept": np.packbits(kept).tobytes(),
    }


def _figures(accuracy: float, changed: float) -> dict[str, Any]:
    values: dict[str, float | None] = dict.fromkeys(FIGURES, 0.1)
    values |= {name: accuracy for name in FIGURES if name.endswith("accuracy")}
    return values | {"train_full_loss": None, "train_full_accuracy": None, "changed": changed}


@pytest.fixture(scope="session")
def study() -> Callable[..., Study]:
    """Make a study; what is not given is small."""

    def make(**given: Any) -> Study:
        axes = {
            "network": "lenet-300-100",
            "dataset": "digits",
            "epochs": 3,
            "method": ["dense", "free-pruning"],
            "weights": "he-normal",
        }
        tops = ("margin", "seeds", "tuning_seeds", "grids", "keep_masks", "claims")
        top = {name: given.pop(name) for name in tops if name in given}
        values = {"name": "small", "seeds": 3, "description": "A small study", **top}
        return from_mapping({**values, "axes": axes | given}, "test")

    return make


def _record(folder: Path, name: str, trials: Iterable[Trial], final: Final) -> str:
    store = Store(str(folder), name)
    writer = Writer(store, seconds=1e9)
    for trial in trials:
        write(writer, trial, final(trial))
    writer.flush()
    return store.uri


@pytest.fixture(scope="session")
def record_in() -> Callable[..., str]:
    """Record a study's definition and its trials in a folder, return the study's own folder."""

    def run(
        folder: Path,
        study: Study,
        final: Final = typical,
        only: Callable[[Trial], bool] = lambda trial: True,
    ) -> str:
        Store(str(folder), study.name).definitions.record(study)
        return _record(folder, study.name, filter(only, study.trials()), final)

    return run


@pytest.fixture
def record_trials(tmp_path: Path) -> Callable[..., str]:
    """Record trials under a study's name without training them, return the study's folder."""

    def run(name: str, trials: Iterable[Trial], final: Final = typical) -> str:
        return _record(tmp_path / "results", name, trials, final)

    return run


@pytest.fixture
def record(tmp_path: Path, record_in: Callable[..., str]) -> Callable[..., str]:
    """`record_in` a folder of the test's own."""
    return functools.partial(record_in, tmp_path / "results")


@pytest.fixture
def results(study: Callable[..., Study], record: Callable[..., str]) -> Results:
    """Two methods, three seeds, all finished, margin 0.5 points."""
    return analysis.load(record(study(margin=0.5)))


@pytest.fixture(scope="session")
def inside_figure() -> Callable[[Any], None]:
    """Check that no text of a drawing is cut off at the edges of its figure."""

    def check(drawing: Any) -> None:
        figure = drawing.figure
        figure.draw_without_rendering()  # texts take their places when they are drawn
        parts = [*figure.texts, *figure.legends]
        for axes in (axes for axes in figure.axes if axes.get_visible()):
            parts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
            parts += axes.get_yticklabels()
            low, high = axes.get_xlim()
            parts += [at for at in axes.get_xticklabels() if low <= at.get_position()[0] <= high]
        extents = [part.get_window_extent() for part in parts if part.get_visible()]
        shown = [extent for extent in extents if extent.width > 0]
        assert len(shown) > 5
        for extent in shown:
            assert extent.x0 >= figure.bbox.x0 - 1
            assert extent.x1 <= figure.bbox.x1 + 1
            assert extent.y0 >= figure.bbox.y0 - 1
            assert extent.y1 <= figure.bbox.y1 + 1

    return check
