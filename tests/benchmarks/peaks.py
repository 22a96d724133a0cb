"""What the machine can do: products and copies at their best, and how near a step comes to it.

The floor of a step is the sum of its phases' floors, since one follows the other: the products at
the peak of arithmetic, the passes over the connections at the peak of a copy that stays in cache.
"""

import math
import time
from itertools import pairwise

import torch
from steps import Ours
from table import Row, noise, trial

#: Passes over the connections: gradient times weight (read 2, write 1), Adam (4 and 3), rebuilding
#: (2 and 1).
_PASSES = 13
_LENET = (784, 300, 100, 10)


def _best(work, repeats=30, rounds=9):
    """Seconds of the fastest round, each."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(repeats):
            work()
        taken.append((time.perf_counter() - started) / repeats)
    return min(taken)


def products():
    """Peak of a product of two matrices by each library that PyTorch has, in operations a second.

    `torch.mm` calls MKL or another BLAS. oneDNN is the faster one on some CPUs; PyTorch's name for
    its product is private, so it may be missing.
    """
    ways = {"torch.mm": lambda a, b, out: torch.mm(a, b, out=out)}
    linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if linear is not None and torch.backends.mkldnn.is_available():
        ways["oneDNN"] = lambda a, b, out: linear(a, b, None, "none", [], "")
    peaks = dict.fromkeys(ways, 0.0)
    for n in (512, 1024):
        a, b, out = torch.rand(n, n), torch.rand(n, n), torch.empty(n, n)
        for name, product in ways.items():
            seconds = _best(lambda product=product, a=a, b=b, out=out: product(a, b, out), 3)
            peaks[name] = max(peaks[name], 2 * n**3 / seconds)
    return peaks


def copies(numbers):
    """Bytes per second, read and written, of a copy of so many float32 numbers."""
    a, b = torch.rand(numbers), torch.empty(numbers)
    return 8 * numbers / _best(lambda: b.copy_(a))


def measure(rounds, steps):
    """Peaks, and the share of them that free pruning's step reaches on LeNet-300-100."""
    by_library, connections = products(), sum(a * b for a, b in pairwise(_LENET))
    peak = max(by_library.values())
    band = copies(connections)
    group = "roofline"
    yield Row.of(group, "product of matrices, the best", [peak / 1e9], "GFLOP/s")
    for name, reached in by_library.items():
        yield Row.of(group, f"product of matrices by {name}", [reached / 1e9], "GFLOP/s")
    yield Row.of(group, "copy of 266,200 numbers", [band / 1e9], "GB/s")
    yield Row.of(group, "copy of 64 MB", [copies(2**24) / 1e9], "GB/s")
    for batch_size in (25, 128):
        data = noise((1, 28, 28), (batch_size * 40, 50, 50))
        subject = Ours(trial("free-pruning", batch_size=batch_size), data)
        taken = [subject.seconds(steps) for _ in range(rounds + 1)][1:]
        flops = 2 * batch_size * (3 * connections - math.prod(_LENET[:2]))
        floor = flops / peak + 4 * _PASSES * connections / band
        share = [floor / t for t in taken]
        yield Row.of(group, f"floor of a step, batch {batch_size}", [1e3 * floor], "ms")
        yield Row.of(group, f"floor / free pruning, batch {batch_size}", share, "x")
