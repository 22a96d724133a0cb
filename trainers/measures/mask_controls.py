"""Does a mask carry the function, or only its densities? Its accuracy when it is moved.

The final mask is permuted within each layer, applied to weights that are drawn anew, and both.
Nothing is trained any more. Batch normalisation takes its statistics anew for each of these
networks, because those of the trained network do not fit them.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from studies.trial import Trial
from trainers import methods, packs, weights
from trainers.batches import Batches
from trainers.measures.evaluation import evaluate, images_at_once
from trainers.methods import Pack, shuffled
from trainers.network_files.trained import Trained

#: Batches that batch normalisation's statistics are taken from.
_BATCHES = 20


def controls(trained: Trained, pack: Pack, batches: Batches) -> dict[str, float]:
    """Return the test accuracies of a trained network's mask elsewhere.

    Args:
        trained: the network. One that does not follow from its mask has no such controls.
        pack: of this one replica, with the network's own weights.
        batches: of the data set, for this trial alone.

    Returns:
        The columns `studies.schemas.CONTROLS` of the table `trials`, or nothing.
    """
    if not trained.kept:
        return {}
    permuted = replace(trained, kept=tuple(_permuted(trained.trial, trained.kept)))
    redrawn = packs.assemble([weights.redrawn(trained.trial)], pack.network, batches.device)
    moved = {
        "permuted_accuracy": (permuted, pack),
        "redrawn_accuracy": (trained, redrawn),
        "random_accuracy": (permuted, redrawn),
    }
    method, accuracies = methods.load(trained.trial), {}
    for name, (mask, drawn) in moved.items():
        control = mask.on(drawn)
        take_statistics(control, batches)
        accuracies[name] = float(evaluate(control, method, batches, "test").accuracy[0])
    return accuracies


def _permuted(trial: Trial, kept: tuple[Tensor, ...]) -> list[Tensor]:
    return [shuffled([trial], index, mask[None])[0] for index, mask in enumerate(kept)]


@torch.no_grad()
def take_statistics(pack: Pack, batches: Batches) -> None:
    """Set batch normalisation's running statistics to those of the first training images."""
    norms = [norm for norm in pack.norms[0] if isinstance(norm, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    for number, (images, _) in enumerate(batches.evaluation("train", images_at_once(pack))):
        if number == _BATCHES:
            break
        pack.logits(images)
