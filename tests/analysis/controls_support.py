"""Made-up results with all that the controls' figures and sections read.

The numbers are made so that their answers are known: a permuted mask is at chance plus 0.2, redrawn
weights at 0.3, half of the connections are left at width 1, and so on.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from studies.trial import Trial

FREE = ["free-pruning", "free-flipping"]
MINIMAL = ["minimal-pruning", "minimal-flipping"]
RETRAINED = [f"{name}-weights{how}" for name in FREE for how in ("", "(shuffled)", "(redrawn)")]
#: Connections of the layers, as in the conftest.
LAYERS = (19_200, 30_000, 1_000)
SHAPES = ((300, 64), (100, 300), (10, 100))

STUDIES: Mapping[str, Mapping[str, Any]] = {
    "mask_overlap": {
        "method": [*FREE, "minimal-pruning"],
        "keep_masks": True,
        "grids": [{}, {"score_seed": [101]}, {"order_seed": [101]}, {"rounding": [1]}],
    },
    "mask_controls": {
        "weights": ["he-normal", "he-constant"],
        "grids": [{"method": ["dense", *FREE, *MINIMAL]}, {"method": RETRAINED}],
    },
    "effective_size": {
        "width": [0.5, 1, 2],
        "epochs": [1, 3],
        "grids": [
            {"method": "dense"},
            {"method": [*FREE, *MINIMAL], "score_offset": [0.0, 0.25, 0.5]},
        ],
    },
    "random_labels": {
        "method": ["dense", *FREE],
        "labels": ["given", "permuted"],
        "grids": [{"width": [0.5, 1, 2]}, {"epochs": [1]}],
    },
    "transfer": {
        "method": ["dense", *FREE],
        "trained_layers": ["all", "output"],
        "grids": [
            {"dataset": "digits-5-9", "source": ["", "digits-0-4"]},
            {"dataset": "digits-0-4", "source": ["", "digits-5-9"]},
        ],
    },
    "pieces_alone": {
        "grids": [
            {"method": ["dense", *FREE], "trained_layers": ["all", "output"]},
            {"network": "resnet8", "method": ["dense", *FREE], "trained_layers": ["all", "output"]},
            {"network": "resnet8", "method": ["dense", *FREE, "frozen"], "affine": True},
        ],
    },
}


def final(trial: Trial) -> dict[str, Any]:
    """What came out of a trial, a little different for each seed."""
    noise = np.random.default_rng(int(trial.trial_id, 16))
    accuracy = _accuracy(trial) + 0.004 * noise.normal()
    learns = trial.method != "dense" and not trial.method.endswith(("weights", ")"))
    row = {"classes": 5 if "-" in trial.dataset else 10, "train_full_accuracy": accuracy}
    if learns:
        row |= {
            "redrawn_accuracy": 0.3 + 0.02 * noise.normal(),
            "permuted_accuracy": 0.2 + 0.02 * noise.normal(),
            "random_accuracy": 0.12 + 0.02 * noise.normal(),
        }
    left = 0.5 / trial.width * (1 - 0.3 * trial.score_offset) - 0.02 * trial.epochs
    shares = (0.8 * left, left, min(1.2 * left, 1.0))
    changed = 0.06 if trial.method.startswith("minimal") else 0.35
    layers: dict[str, Any] = {
        "connected": tuple(round(s * n) for s, n in zip(shares, LAYERS, strict=True)),
        "live": tuple(round(0.9 * s * n) for s, n in zip(shares, LAYERS, strict=True)),
        "live_changed": tuple(
            round(changed * 0.9 * s * n) for s, n in zip(shares, LAYERS, strict=True)
        ),
    }
    return {
        "test_accuracy": accuracy,
        "changed": changed if learns else 0.0,
        "row": row,
        "layers": layers,
        "masks": _masks(trial) if trial.method != "dense" else [],
    }


def _accuracy(trial: Trial) -> float:
    if trial.labels == "permuted":
        return {"dense": 0.8}.get(trial.method, 0.3) + 0.05 * np.log2(trial.width)
    if trial.trained_layers == "output":
        return 0.9 if trial.source else 0.85
    if trial.method == "frozen":
        return 0.6
    if "shuffled" in trial.method:
        return 0.94
    return {"dense": 0.975}.get(trial.method, 0.96)


def _masks(trial: Trial) -> list[np.ndarray]:
    """Masks that a new score seed changes in half of what is free, rounding in few places."""
    found = []
    for number, shape in enumerate(SHAPES):
        fixed = np.random.default_rng([trial.seed, number]).random(shape)
        moved = np.random.default_rng([int(trial.trial_id, 16), number]).random(shape)
        apart = 0.5 * (trial.score_seed >= 0) + 0.2 * (trial.order_seed >= 0)
        apart += 0.05 * (trial.rounding > 0) + 0.1 * (trial.method != "free-pruning")
        chosen = np.random.default_rng([int(trial.trial_id, 16), number, 1]).random(shape) < apart
        found.append(np.where(chosen, moved, fixed) > 0.35)
    return found
