"""Work on several streams of a GPU at once, for replicas that are too small to fill it alone.

A captured CUDA graph keeps the streams: its branches then run beside each other. Autograd runs each
backward operation on the stream of its forward operation. No number changes.
"""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

#: How many streams the replicas of one pack are spread over. One until `make gpu`, which measures
#: both, has shown on a GPU that more are faster.
COUNT = 1


def spread(work: Sequence[Callable[[], Tensor]], count: int) -> list[Tensor]:
    """Return what some functions return, with their kernels on `count` streams in turn.

    Args:
        work: functions of which none reads what another one writes.
        count: the number of streams.
    """
    current, streams = torch.cuda.current_stream(), _streams(count)
    for stream in streams:
        stream.wait_stream(current)
    outputs = []
    for number, function in enumerate(work):
        with torch.cuda.stream(streams[number % count]):
            outputs.append(function())
    for stream in streams:
        current.wait_stream(stream)
    for output in outputs:  # its memory must not be reused before this stream has read it
        output.record_stream(current)
    return outputs


@cache
def _streams(count: int) -> list[torch.cuda.Stream]:
    """The same streams for all packs: libraries reserve memory for each stream."""
    return [torch.cuda.Stream() for _ in range(count)]  # type: ignore[no-untyped-call]
