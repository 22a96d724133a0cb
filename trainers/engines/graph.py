"""A training step on a GPU as one CUDA graph: small networks spend their time on launches.

The first steps run as they are, on a side stream, as capturing requires. Then one step is captured,
and from then on replayed on tensors that stay in place. A smaller last batch of an epoch runs as it
is. The numbers are those of the engine itself.
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
        engine: whose `update` neither waits for the device nor draws on the host.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._graph: torch.cuda.CUDAGraph | None = None
        self._steps_taken = 0

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """See `Engine.step`."""
        if self._steps_taken == 0:
            self._images, self._labels = torch.empty_like(images), torch.empty_like(labels)
        if labels.shape != self._labels.shape:
            return self._engine.step(images, labels)
        self._engine.set_rate()
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._steps_taken += 1
        if self._steps_taken <= _WARM_UP:
            return self._update_on_side_stream()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._logits = self._engine.update(self._images, self._labels)
        self._graph.replay()
        return self._logits.clone()

    def state(self) -> dict[str, Tensor]:
        """See `Engine.state`."""
        return self._engine.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Engine.restore`."""
        self._engine.restore(state)

    def _update_on_side_stream(self) -> Tensor:
        """Run the device's part of a step on a side stream."""
        stream = _side_stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            logits = self._engine.update(self._images, self._labels)
        torch.cuda.current_stream().wait_stream(stream)
        return logits


@cache
def _side_stream() -> torch.cuda.Stream:
    """One stream for all engines: libraries reserve memory for each stream."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]
