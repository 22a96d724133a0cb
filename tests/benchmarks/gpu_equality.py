"""What must hold on a GPU: the same figures however trials are trained, and all of them train."""

import itertools
import statistics
import traceback
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from gpu_speed import Timed, eager
from table import AT_LEAST, AT_MOST, Row, trial

from orchestrator.execution.messages import Resources, RunOptions, WorkerConfig
from orchestrator.execution.pack_training import PackTrainer
from studies.store import Store
from trainers import checking, datasets, engines, loop, registry, runtime, streams


def equality(extent):
    """Yield a row per property that must hold on the device; 1 where it does."""
    digits = datasets.load("digits", datasets.Place("digits", Path()))
    for network, name in itertools.product(
        ("lenet-30-20", "conv2"), ("dense", "free-pruning", "minimal-flipping", "edge-popup")
    ):
        what = f"CUDA graph = eager to the bit: {name}, {network}"
        yield _holds(what, lambda n=network, m=name: _graph_is_eager(n, m, digits, extent))
    for kind, called in ((eager, "eager"), (engines.start, "CUDA graph")):
        what = f"replicas on streams of their own = in turn, to the bit: conv2, {called}"
        yield _holds(what, lambda k=kind: _streams_are_turns(k, digits, extent))
    for tf32 in (False, True) if extent.device == "cuda" else ():
        yield _holds(f"products with TF32 {'on' if tf32 else 'off'}", lambda on=tf32: _is_tf32(on))
    yield _holds("a pack that does not fit is halved", lambda: _halves(digits, extent))
    yield _packed_is_alone(digits, extent)
    for part in registry.components("method"):
        for name in part.examples:
            given = _example(name, part, network="lenet-20-10")
            yield _holds(f"trains: {name}", lambda t=given: _trains(t, digits, extent))
    for network in ("linear", "conv2", "conv4", "conv6", "resnet8"):
        given = trial("free-pruning", network=network, dataset="digits", width=0.1)
        yield _holds(f"trains: {network}", lambda t=given: _trains(t, digits, extent))


def _holds(what, test):
    """The row of a property; what a failed test says stands in it."""
    try:
        held, reason = bool(test()), ""
    except Exception as error:
        held, reason = False, f" ({type(error).__name__}: {error})".splitlines()[0][:120]
        traceback.print_exc()
    return Row.of("equality", what + reason, [float(held)], "", f"{AT_LEAST} 1")


def _example(name, part, **values):
    """A trial of a method, with what the method needs."""
    values |= {"density": 0.5} if "density" in part.reads else {}
    values |= dict(part.declared.get("NEEDS", {}))
    least = registry.find("method", name).parameters.get("period", 1) + 1
    epochs = least if "LEAST_EPOCHS" in part.declared else 1
    return checking.check(trial(name, dataset="digits", **{"epochs": epochs} | values))


def _graph_is_eager(network, name, data, extent):
    density = {"density": 0.5} if name == "edge-popup" else {}
    given = trial(name, network=network, dataset="digits", width=0.25, **density)
    if network.startswith("lenet"):
        given = replace(given, width=1.0)
    return _equal(*(_trained(given, kind, data, extent) for kind in (eager, engines.start)))


def _streams_are_turns(kind, data, extent):
    given = trial("free-pruning", network="conv2", dataset="digits", width=0.25)
    trained = []
    for count in (1, 2):
        with mock.patch.object(streams, "COUNT", count):
            trained.append(_trained(given, kind, data, extent, replicas=4))
    return _equal(*trained)


def _trained(given, kind, data, extent, replicas=2):
    """What is trained, by layer, after some steps; the first three of them are not captured."""
    subject = Timed(given, data, torch.device(extent.device), replicas=replicas, kind=kind)
    subject.seconds(8)
    engine = getattr(subject.engine, "_engine", subject.engine)
    return [layer.trained.clone() for layer in engine.pack.layers]


def _equal(ones, others):
    return all(itertools.starmap(torch.equal, zip(ones, others, strict=True)))


def _is_tf32(on):
    """Whether products are as inexact as TF32 makes them, and no more."""
    runtime.settle(tf32=on)
    a, b = (torch.rand(512, 512, device="cuda") for _ in range(2))
    exact = a.double() @ b.double()
    error = float(((a @ b).double() - exact).abs().max() / exact.abs().max())
    runtime.settle()
    return 1e-5 < error < 1e-2 if on else error < 1e-5


def _halves(data, extent):
    """Train three trials where no more than one seems to fit into the memory."""
    finishing = []

    class Writer:
        def attempt(self):
            return "a"

        def add(self, given, attempt, row, **tables):
            finishing.append(row["pack_size"])

    def one_fits(trials, *arguments, **options):
        if len(trials) > 1:
            raise torch.OutOfMemoryError("pretended")
        yield from whole(trials, *arguments, **options)

    class Inputs:
        def dataset(self, name):
            return data

    options = RunOptions(device=extent.device, checkpoint_seconds=0.0)
    config = WorkerConfig(Store("unused", "own"), options, Resources(1, extent.device))
    whole, loop.train = loop.train, one_fits
    try:
        trials = [trial("free-pruning", network="lenet-20-10", seed=s) for s in (1, 2, 3)]
        trainer = PackTrainer(config, Inputs(), Writer())
        list(trainer.train([replace(t, dataset="digits") for t in trials], ()))
    finally:
        loop.train = whole
    return finishing == [1, 1, 1]


def _packed_is_alone(data, extent):
    """Whether the accuracies of packed trials differ from those alone no more than by chance."""
    trials = [
        trial("free-pruning", network="lenet-20-10", dataset="digits", epochs=extent.epochs, seed=s)
        for s in range(1, 9)
    ]
    packed, alone = {}, {}
    for found, groups in ((packed, [trials]), (alone, [[one] for one in trials])):
        for group in groups:
            for record in loop.train(group, data, extent.device):
                if record.final:
                    found[record.trial.seed] = record.final["test_accuracy"]
    apart = [packed[seed] - alone[seed] for seed in packed]
    spread = statistics.stdev(apart) / len(apart) ** 0.5
    t = abs(statistics.mean(apart)) / spread if spread else 0.0
    return Row.of("equality", "packed - alone, in standard errors", [t], "", f"{AT_MOST} 4")


def _trains(given, data, extent):
    *_, last = loop.train([given, replace(given, seed=2)], data, extent.device)
    return last.final["outcome"] in ("completed", "dead")
