"""A training step on a GPU as one CUDA graph: small networks spend their time on launches.

The first steps are taken as they are, on a stream of their own, as a capture wants it; then one is
captured, and from then on replayed on tensors that stay in place. The last batch of an epoch, where
it is smaller, is taken as it is. The numbers are those of the engine itself.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from trainers.engines.engine import Engine

_WARM_UP = 3


class Graphed:
    """Replays the steps of an engine.

    Args:
        engine: whose `advance` does not wait for the device, nor draw on the host.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._graph: torch.cuda.CUDAGraph | None = None
        self._taken = 0

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """See `Engine.step`."""
        if self._taken == 0:
            self._images, self._labels = torch.empty_like(images), torch.empty_like(labels)
        if labels.shape != self._labels.shape:
            return self._engine.step(images, labels)
        self._engine.prepare()
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._taken += 1
        if self._taken <= _WARM_UP:
            return self._beside()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._logits = self._engine.advance(self._images, self._labels)
        self._graph.replay()
        return self._logits.clone()

    def state(self) -> dict[str, Tensor]:
        """See `Engine.state`."""
        return self._engine.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Engine.restore`."""
        self._engine.restore(state)

    def _beside(self) -> Tensor:
        """A step on a stream of its own."""
        stream = _side_stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            logits = self._engine.advance(self._images, self._labels)
        torch.cuda.current_stream().wait_stream(stream)
        return logits


@cache
def _side_stream() -> torch.cuda.Stream:
    """One for all: libraries keep memory for each."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]
