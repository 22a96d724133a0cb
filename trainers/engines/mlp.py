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
        self._gradients = [
            flat.as_strided(at.shape, at.stride(), at.storage_offset())
            for at in (layer.trained for layer in pack.layers)
        ]
        #: For each layer that is scaled: its index, its weights, the scale, and their product.
        self._scaled: list[tuple[int, Tensor, Tensor, Tensor]] = []
        self._lanes = self._all_lanes([self._used(i, la) for i, la in enumerate(pack.layers)])
        self._flat_gradients = [[gradient] for gradient in flat]  # there is no batch normalisation
        if self.method.elementwise and all(trial.rescaling == "none" for trial in pack.trials):
            self._rebuilt = [whole]
            if all(layer.penalty_gradient is None for layer in pack.layers):
                self._graded, self._gradients = [whole], [flat]
        return [whole.trained]

    def _used(self, index: int, layer: Layer) -> Tensor:
        """The effective weights, or a tensor for their product with the layer's scale."""
        weight = layer.effective.detach()
        if layer.scale is None:
            return weight
        product = torch.empty_like(weight)
        self._scaled.append((index, weight, layer.scale, product))
        return product

    def _all_lanes(self, used: Sequence[Tensor]) -> list["_Lane"]:
        """What is computed at once: on a GPU all replicas, on a CPU each by itself."""
        activation = registry.load("activation", self.pack.trial.activation)[0]
        if used[0].is_cuda:
            return [_Lane(activation, _batched_times, list(used), self._gradients)]
        times = self.pack.network.products.times
        return [
            _Lane(activation, times, [w[r] for w in used], [g[r] for g in self._gradients])
            for r in range(len(self.pack.trials))
        ]

    def backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See `Engine.backward`."""
        logits = self._propagate(images, labels)
        for index, _, scale, _ in self._scaled:
            for r, lane in enumerate(self._lanes):
                lane.gradients[index].mul_(scale if images.is_cuda else scale[r])
        return logits, self._gradients

    def _propagate(self, images: Tensor, labels: Tensor) -> Tensor:
        """Run the forward and backward pass of all lanes, and return the logits [R, B, classes]."""
        for _, weight, scale, product in self._scaled:
            torch.mul(weight, scale, out=product)
        if images.is_cuda:
            return self._lanes[0].propagate(images.flatten(start_dim=2), labels)
        if len(self._lanes) == 1:
            return self._lanes[0].propagate(images[0].flatten(start_dim=1), labels[0])[None]
        lanes = zip(self._lanes, images.flatten(start_dim=2), labels, strict=True)
        return torch.stack([lane.propagate(x, y) for lane, x, y in lanes])

    def _optimize(self, gradients: Sequence[Tensor]) -> None:
        """See `Engine._optimize`; the gradients are views of `_flat_gradients`."""
        self._optimizer.step(self._flat_gradients)


class OneDnnMlp(Mlp):
    """`Mlp` with products through oneDNN; on a CPU only.

    oneDNN returns a gradient in memory of its own, so the optimiser takes each layer by itself. It
    multiplies by the weights on the way if that is all that the method does with a gradient.
    """

    name = "mlp-onednn"

    def _lay_out(self) -> Sequence[Tensor]:
        """Lay all layers side by side as `Mlp` does; the optimiser moves each by itself."""
        super()._lay_out()
        self._graded = self.pack.layers
        factors = [self.method.gradient_factor(self.pack, layer) for layer in self.pack.layers]
        self._is_turned = not self._scaled and all(factor is not None for factor in factors)
        if self._is_turned:
            for r, lane in enumerate(self._lanes):
                lane.factors = [factor[r] for factor in factors if factor is not None]
        return [layer.trained for layer in self.pack.layers]

    def backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See `Engine.backward`; the gradients are turned already if `_is_turned` says so."""
        logits, _ = super().backward(images, labels)
        by_layer = zip(*(lane.gradients for lane in self._lanes), strict=True)
        return logits, [g[0][None] if len(g) == 1 else torch.stack(g) for g in by_layer]

    def _turn(self, gradients: Sequence[Tensor]) -> None:
        """See `Engine._turn`."""
        if not self._is_turned:
            super()._turn(gradients)

    def _optimize(self, gradients: Sequence[Tensor]) -> None:
        """See `Engine._optimize`."""
        self._optimizer.step(self._by_replica(gradients, self._affine))


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
        times: (a, b, out, factor) -> a @ b.mT, as `products.Products.times`.
        weights: of each layer, [..., outputs, inputs].
        gradients: what the last step's gradients are in, likewise; at first the tensors that they
            may be written to.
        factors: what each layer's gradient is multiplied by, likewise; None where it stays.
    """

    activation: ModuleType
    times: Callable[..., Tensor]
    weights: list[Tensor]
    gradients: list[Tensor]
    factors: Sequence[Tensor | None] = ()
    _buffers: dict[int, _Buffers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._transposed = [weight.mT for weight in self.weights]
        self._outs = list(self.gradients)
        self.factors = [None] * len(self.weights)
        last = self.weights[-1]
        self._minus_onehots = -torch.eye(last.shape[-2], device=last.device)

    def propagate(self, x: Tensor, labels: Tensor) -> Tensor:
        """Run the forward and backward pass; set the gradients.

        Args:
            x: [..., B, inputs].
            labels: [..., B].

        Returns:
            The logits, [..., B, classes].
        """
        size = labels.shape[-1]
        buffers = self._buffers.get(size) or self._allocate(size)
        inputs = [x]
        for weight, output in zip(self.weights, buffers.outputs, strict=False):
            inputs.append(self.activation.activate_(self.times(inputs[-1], weight, output)))
        # With the classes in front the softmax runs along the memory, and several times as fast.
        logits = self.times(self.weights[-1], inputs[-1], None)
        d = logits.softmax(dim=-2).add_(self._minus_onehot(labels)).div_(size)  # transposed
        for i in range(len(self.weights) - 1, -1, -1):
            self.gradients[i] = self.times(d, inputs[i].mT, self._outs[i], self.factors[i])
            if i > 0:
                flow = self.times(d.mT, self._transposed[i], buffers.flows[i - 1])
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


def _batched_times(
    a: Tensor, b: Tensor, out: Tensor | None, factor: Tensor | None = None
) -> Tensor:
    """Return a @ b.mT of R pairs, see `products.Products.times`."""
    product = torch.bmm(a, b.mT) if out is None else torch.bmm(a, b.mT, out=out)
    return product if factor is None else product.mul_(factor)


def fits(pack: Pack) -> bool:
    """Return whether this engine knows the pack's network and its activation."""
    activation = registry.load("activation", pack.trial.activation)[0]
    return pack.network.plain and hasattr(activation, "backward_")
