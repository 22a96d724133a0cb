"""The backward pass of fully connected networks, written out.

    forward     x[i + 1] = activation(x[i] W[i]^T)
    backward    dL/dW[i] = d[i]^T x[i],  d[i - 1] = d[i] W[i] * activation'(x[i])

with d = (softmax - onehot) / B at the output. A step of LeNet-300-100 takes three quarters of the
time: autograd's bookkeeping is gone, all layers lie in one piece of memory, and a step allocates
nothing but its logits. The numbers equal those of `Autograd` up to the rounding of the softmax.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import torch
from torch import Tensor

from trainers import registry
from trainers.engines.engine import Engine
from trainers.packs import Layer, Pack


class Mlp(Engine):
    """Takes training steps with fully connected layers and an activation between them.

    On a CPU replicas are computed one after another, as they are alone; on a GPU together.
    """

    name = "mlp"

    def _lay_out(self) -> Sequence[Tensor]:
        """Put all layers into one piece of memory, and treat them as one if the method allows."""
        pack = self.pack
        whole = pack.flatten()
        flat = torch.zeros_like(whole.trained)
        gradients = [
            flat.as_strided(at.shape, at.stride(), at.storage_offset())
            for at in (layer.trained for layer in pack.layers)
        ]
        #: For each layer that is scaled: its weights, the scale, their product and its gradient.
        self._scaled: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        used = [self._used(la, g) for la, g in zip(pack.layers, gradients, strict=True)]
        activation = registry.load("activation", pack.trial.activation)[0]
        if flat.is_cuda:
            self._lanes = [_Lane(activation, torch.bmm, used, gradients)]
        else:
            self._lanes = [
                _Lane(activation, torch.mm, [w[r] for w in used], [g[r] for g in gradients])
                for r in range(len(pack.trials))
            ]
        self._flat_gradients = [[gradient] for gradient in flat]  # there is no batch normalisation
        self._gradients = gradients
        if self.method.elementwise and all(trial.rescaling == "none" for trial in pack.trials):
            self._rebuilt = [whole]
            if all(layer.penalty_gradient is None for layer in pack.layers):
                self._graded, self._gradients = [whole], [flat]
        return [whole.trained]

    def _used(self, layer: Layer, gradient: Tensor) -> Tensor:
        """The effective weights, or a tensor for their product with the layer's scale."""
        weight = layer.effective.detach()
        if layer.scale is None:
            return weight
        product = torch.empty_like(weight)
        self._scaled.append((weight, layer.scale, product, gradient))
        return product

    def backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See `Engine.backward`."""
        for weight, scale, product, _ in self._scaled:
            torch.mul(weight, scale, out=product)
        if images.is_cuda:
            logits = self._lanes[0].propagate(images.flatten(start_dim=2), labels)
        elif len(self._lanes) == 1:
            logits = self._lanes[0].propagate(images[0].flatten(start_dim=1), labels[0])[None]
        else:
            lanes = zip(self._lanes, images.flatten(start_dim=2), labels, strict=True)
            logits = torch.stack([lane.propagate(x, y) for lane, x, y in lanes])
        for _, scale, _, gradient in self._scaled:
            gradient.mul_(scale)
        return logits, self._gradients

    def _optimize(self, gradients: Sequence[Tensor]) -> None:
        """See `Engine._optimize`; the gradients are views of `_flat_gradients`."""
        self._optimizer.step(self._flat_gradients)


@dataclass
class _Buffers:
    """What a step with B images writes: each hidden layer's output and dL/doutput."""

    outputs: list[Tensor]
    flows: list[Tensor]


@dataclass
class _Lane:
    """What is computed at once: one replica, or all (then with a leading axis of R).

    Attributes:
        activation: its module.
        product: of two matrices, or of R pairs.
        weights: of each layer, [..., outputs, inputs].
        gradients: the tensors that the gradients are written to, likewise.
    """

    activation: ModuleType
    product: Callable[..., Tensor]
    weights: list[Tensor]
    gradients: list[Tensor]
    _buffers: dict[int, _Buffers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._transposed = [weight.mT for weight in self.weights]
        last = self.weights[-1]
        self._minus_onehots = -torch.eye(last.shape[-2], device=last.device)

    def propagate(self, x: Tensor, labels: Tensor) -> Tensor:
        """Run the forward and backward pass; write the gradients.

        Args:
            x: [..., B, inputs].
            labels: [..., B].

        Returns:
            The logits, [..., B, classes].
        """
        size = labels.shape[-1]
        buffers = self._buffers.get(size) or self._allocate(size)
        inputs = [x]
        for transposed, output in zip(self._transposed, buffers.outputs, strict=False):
            inputs.append(
                self.activation.activate_(self.product(inputs[-1], transposed, out=output))
            )
        # With the classes in front the softmax runs along the memory, and several times as fast.
        logits = self.product(self.weights[-1], inputs[-1].mT)
        d = logits.softmax(dim=-2).add_(self._minus_onehot(labels)).div_(size)  # transposed
        for i in range(len(self.weights) - 1, -1, -1):
            self.product(d, inputs[i], out=self.gradients[i])
            if i > 0:
                flow = self.product(d.mT, self.weights[i], out=buffers.flows[i - 1])
                d = self.activation.backward_(flow, inputs[i]).mT
        return logits.mT

    def _minus_onehot(self, labels: Tensor) -> Tensor:
        """-1 for each image's class, else 0, [..., classes, B]."""
        columns = self._minus_onehots.index_select(1, labels.flatten())
        return columns if labels.dim() == 1 else columns.view(-1, *labels.shape).movedim(0, -2)

    def _allocate(self, size: int) -> _Buffers:
        """Buffers for batches of ``size`` images; an epoch has two sizes at most."""

        def empty(*shape: int) -> Tensor:
            return self.weights[0].new_empty(*self.weights[0].shape[:-2], *shape)

        widths = [weight.shape[-2] for weight in self.weights[:-1]]
        outputs, flows = ([empty(size, width) for width in widths] for _ in range(2))
        self._buffers[size] = _Buffers(outputs, flows)
        return self._buffers[size]


def fits(pack: Pack) -> bool:
    """Return whether this engine knows the pack's network and its activation."""
    activation = registry.load("activation", pack.trial.activation)[0]
    return pack.network.plain and hasattr(activation, "backward_")
