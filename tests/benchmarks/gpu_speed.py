"""How fast packs train on a GPU, against one process and against what the device can do."""

import itertools
import time
from dataclasses import dataclass
from unittest import mock

import torch
from steps import Ours
from table import AT_LEAST, Row, noise, trial

from trainers import engines, networks, runtime, streams


@dataclass(frozen=True)
class Extent:
    """How much is done.

    Attributes:
        device: ``cuda``, or ``cpu`` for a rehearsal.
        replicas: of LeNet, side by side.
        conv_replicas: of each larger network.
        steps: that are timed at once.
        rounds: of these.
        width: of the larger networks.
        side: of the matrices with which the peak of products is measured.
        epochs: of the trials that are compared.
    """

    device: str = "cuda"
    replicas: tuple[int, ...] = (1, 4, 16, 64, 256)
    conv_replicas: int = 8
    steps: int = 50
    rounds: int = 5
    width: float = 1.0
    side: int = 8192
    epochs: int = 10


REHEARSAL = Extent("cpu", (1, 2), 2, 1, 1, 0.05, 64, 1)


class Timed(Ours):
    """Its seconds are those of the device."""

    def seconds(self, steps):
        """See `Ours.seconds`."""
        batches = list(itertools.islice(self._order, steps))
        _wait()
        started = time.perf_counter()
        for images, labels in batches:
            self.engine.step(images, labels)
        _wait()
        return (time.perf_counter() - started) / steps


def eager(pack, method, steps):
    """The engine of a pack without a CUDA graph."""
    return engines.choose(pack)(pack, method, steps)


def speed(extent):
    """Yield the steps per second of packs against one process, and how near the limits they are."""
    where, name = torch.device(extent.device), _name(extent.device)
    for tf32 in (False, True) if extent.device == "cuda" else (False,):
        runtime.settle(tf32=tf32)
        kind = "TF32" if tf32 else "fp32"
        peak = _peak(extent)
        yield Row.of("limits", f"{name}, products, {kind}", [peak / 1e12], "TFLOP/s")
        band = _band(extent)
        yield Row.of("limits", f"{name}, memory", [band / 1e9], "GB/s")
        yield from _lenets(extent, where, kind, peak, band)
        for network in ("conv2", "conv4", "conv6", "resnet20"):
            yield from _convs(network, extent, where, kind, peak)
    runtime.settle()


def _lenets(extent, where, kind, peak, band):
    data = noise((1, 28, 28), (25 * 200, 50, 50))
    given = trial("free-pruning")
    base = _seconds(Timed(given, data, where, kind=eager), extent)
    connections = 784 * 300 + 300 * 100 + 100 * 10
    for count in extent.replicas:
        taken = _seconds(Timed(given, data, where, replicas=count), extent)
        gain = [count * one / many for one, many in zip(base, taken, strict=True)]
        wanted = f"{AT_LEAST} 20" if count == max(extent.replicas) else ""
        group = f"LeNet-300-100, batch 25, {kind}"
        yield Row.of(group, f"steps of {count} packed / one eager", gain, "x", wanted)
        floor = max(count * 6 * 25 * connections / peak, count * 13 * 4 * connections / band)
        yield Row.of(group, f"limit / {count} packed", [floor / one for one in taken], "x")


def _convs(network, extent, where, kind, peak):
    data = noise((3, 32, 32), (25 * 60, 50, 50))
    given = trial("free-pruning", network=network, width=extent.width)
    built = networks.build(given, data.shape, 10)
    sums = sum(torch.Size(s.shape).numel() * (s.positions or 0) for s in built.layers)
    group = f"{network}, batch 25, {kind}"
    base = _seconds(Timed(given, data, where, kind=eager), extent)
    many = extent.conv_replicas
    for count, beside in ((1, 1), (many, 1), (many, many)):
        with mock.patch.object(streams, "COUNT", beside):
            taken = _seconds(Timed(given, data, where, replicas=count), extent)
        gain = [count * one / many for one, many in zip(base, taken, strict=True)]
        name = f"{count} packed" + (" on streams of their own" if beside > 1 else "")
        yield Row.of(group, f"steps of {name} / one eager", gain, "x")
        floor = count * 6 * 25 * sums / peak
        yield Row.of(group, f"limit / {name}", [floor / one for one in taken], "x")


def _seconds(subject, extent):
    subject.seconds(max(5, extent.steps // 5))  # the graph is captured meanwhile
    return [subject.seconds(extent.steps) for _ in range(extent.rounds)]


def _peak(extent):
    """Floating-point operations per second of a product of large matrices."""
    a, b = (torch.rand(extent.side, extent.side, device=extent.device) for _ in range(2))
    return 2 * extent.side**3 / _best(lambda: a @ b)


def _band(extent):
    """Bytes read and written per second in a copy."""
    a = torch.rand(extent.side**2, device=extent.device)
    b = torch.empty_like(a)
    return 8 * a.numel() / _best(lambda: b.copy_(a))


def _best(work):
    taken = []
    for _ in range(5):
        _wait()
        started = time.perf_counter()
        work()
        _wait()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _wait():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _name(device):
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"
