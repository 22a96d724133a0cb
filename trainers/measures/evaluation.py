"""Loss and accuracy of a pack on a split of its data set, without training."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from trainers.batches import Batches
from trainers.methods import Method
from trainers.packs import Pack

_MEANS = ("loss", "accuracy")
#: A GPU evaluates this many times as many images at once as a CPU.
_ON_GPU = 8


@dataclass(frozen=True)
class Evaluation:
    """A split evaluated, for each of R replicas and N images.

    Attributes:
        loss: cross-entropy in nats, [R].
        accuracy: a fraction, [R].
        correct: whether each image is classified correctly, [R, N]; if masks are random, under the
            first of them.
        constant: whether all images have the same logits, [R].
    """

    loss: Tensor
    accuracy: Tensor
    correct: Tensor
    constant: Tensor


@torch.no_grad()
def evaluate(pack: Pack, method: Method, batches: Batches, split: str) -> Evaluation:
    """Evaluate a split, averaged over the states that the method is evaluated in."""
    evaluations = [evaluate_once(pack, batches, split) for _ in method.evaluated(pack)]
    if len(evaluations) == 1:
        return evaluations[0]
    # One by one: the order of a sum over the states must not depend on the pack's size.
    loss, accuracy = (sum(getattr(e, n) for e in evaluations) / len(evaluations) for n in _MEANS)
    constant = torch.stack([e.constant for e in evaluations]).all(dim=0)
    return Evaluation(loss, accuracy, evaluations[0].correct, constant)


@torch.no_grad()
def evaluate_once(pack: Pack, batches: Batches, split: str) -> Evaluation:
    """Evaluate a split under the effective weights as they are."""
    pack.evaluating(True)
    outputs = [
        (pack.logits(images), labels)
        for images, labels in batches.evaluation(split, images_at_once(pack))
    ]
    pack.evaluating(False)
    logits, labels = (torch.cat(both, dim=1) for both in zip(*outputs, strict=True))
    loss, right = losses(logits, labels), correct(logits, labels)
    constant = (logits.amin(dim=1) == logits.amax(dim=1)).all(dim=1)
    return Evaluation(loss.double().mean(dim=1), right.double().mean(dim=1), right, constant)


def images_at_once(pack: Pack) -> int:
    """Return the number of images in a batch that is evaluated."""
    return pack.network.evaluation_batch * (_ON_GPU if pack.layers[0].weight.is_cuda else 1)


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return each image's cross-entropy, [R, N], from logits [R, N, classes] and labels [R, N]."""
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view(labels.shape)


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return whether each image is classified correctly, [R, N]; the first of equal logits wins."""
    return logits.argmax(dim=2) == labels
