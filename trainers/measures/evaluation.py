"""Loss and accuracy of a pack on a split of its data set, without training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

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


class Observer(Protocol):
    """Looks at the logits while a split is evaluated, until it is complete."""

    @property
    def complete(self) -> bool:
        """Whether it needs no more."""

    def note(self, logits: Tensor) -> None:
        """Take some images' logits, [R, B, classes], through which autograd can go back."""


@torch.no_grad()
def evaluate(
    pack: Pack, method: Method, batches: Batches, split: str, observer: Observer | None = None
) -> Evaluation:
    """Evaluate a split, averaged over the states that the method is evaluated in."""
    evaluations = [evaluate_once(pack, batches, split, observer) for _ in method.evaluated(pack)]
    if len(evaluations) == 1:
        return evaluations[0]
    # One by one: the order of a sum over the states must not depend on the pack's size.
    loss, accuracy = (sum(getattr(e, n) for e in evaluations) / len(evaluations) for n in _MEANS)
    constant = torch.stack([e.constant for e in evaluations]).all(dim=0)
    return Evaluation(loss, accuracy, evaluations[0].correct, constant)


@torch.no_grad()
def evaluate_once(
    pack: Pack, batches: Batches, split: str, observer: Observer | None = None
) -> Evaluation:
    """Evaluate a split under the effective weights as they are; pass the logits to an observer."""
    pack.evaluating(True)
    outputs = []
    for images, labels in batches.evaluation(split, images_at_once(pack)):
        observed = observer is not None and not observer.complete
        with torch.set_grad_enabled(observed):
            logits = pack.logits(images)
        if observer is not None and observed:
            observer.note(logits)
        outputs.append((logits.detach(), labels))
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


@dataclass
class _Start:
    """The last untrained network that was evaluated.

    Attributes:
        key: what it was evaluated on, and how.
        weights: of each layer, as they count in the forward pass.
        evaluations: of the splits so far.
    """

    key: tuple[object, ...] = ()
    weights: Sequence[Tensor] = ()
    evaluations: dict[str, Evaluation] = field(default_factory=dict)


_start = _Start()


def evaluate_start(pack: Pack, method: Method, batches: Batches, split: str) -> Evaluation:
    """Evaluate a split before training; see `evaluate`.

    Most methods start from the same network if their trials have the same seed and weights: free
    pruning, for one, starts with all connections, as dense training does. If the network is that
    of the call before, to the bit, so is its evaluation, which is then taken from there.
    """
    global _start
    weights = [layer.used.detach() for layer in pack.layers]
    one_on_cpu = len(pack.trials) == 1 and not weights[0].is_cuda
    # A method may have shown images to batch normalisation, which is then no longer as it began.
    follows_from_weights = not pack.norms[0] and type(method).evaluated is Method.evaluated
    if not (one_on_cpu and follows_from_weights):
        return evaluate(pack, method, batches, split)
    trial = pack.trial
    key = (trial.network, trial.activation, pack.network.products.name, batches.identity)
    if key != _start.key or not all(map(torch.equal, weights, _start.weights)):
        _start = _Start(key, [weight.clone() for weight in weights])
    if split not in _start.evaluations:
        _start.evaluations[split] = evaluate(pack, method, batches, split)
    return _start.evaluations[split]
