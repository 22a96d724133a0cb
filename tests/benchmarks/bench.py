"""All benchmarks, one table, and a line each in results/benchmarks.parquet.

    python tests/benchmarks/bench.py [--quick | --full] [--peer NAME=PATH]... [--against COMMIT]

Ratios are of things measured side by side in one run; medians with quartiles. The times of a
machine that does other work beside it mean little, its ratios somewhat more.
"""

import argparse
import itertools
from collections.abc import Iterator

import against
import epochs
import peaks
import peers
import shares
import steps
import whole
from table import Row, keep, show

from trainers import runtime

_QUICK = ("dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping")


def quick() -> Iterator[Row]:
    """What fits into two minutes."""
    for batch_size in (25, 128):
        yield from steps.measure("lenet-300-100", batch_size, rounds=9, steps=80, only=_QUICK)
    yield from steps.measure("conv2", 25, rounds=3, steps=3, only=_QUICK)
    for batch_size in (25, 128):
        yield from steps.of_products("lenet-300-100", batch_size, rounds=9, steps=80)
    yield from peaks.measure(rounds=5, steps=100)
    yield from epochs.epoch(rounds=3, images=epochs.SHORT)
    yield from shares.measure(rounds=1, epochs=1, images=epochs.SHORT, batch_size=25)
    yield from epochs.loaders(rounds=3, images=5_000)
    yield from epochs.packed(rounds=3, steps=50)
    yield from whole.planning([10_000])
    yield from whole.parquet(1_000)
    yield from whole.costs([100, 1_000])
    yield from whole.recovery(1)


def everything() -> Iterator[Row]:
    """Everything; about twenty minutes on two cores."""
    for batch_size in (25, 128):
        yield from steps.measure("lenet-300-100", batch_size, rounds=15, steps=200)
    for network in ("conv2", "conv4", "conv6"):
        yield from steps.measure(network, 25, rounds=7, steps=4)
    for network, batch_size, count in (
        ("lenet-300-100", 25, 200),
        ("lenet-300-100", 128, 100),
        ("conv2", 25, 4),
    ):
        yield from steps.of_products(network, batch_size, rounds=15, steps=count)
    yield from epochs.of_products(rounds=3, images=55_000)
    yield from peaks.measure(rounds=15, steps=200)
    yield from epochs.epoch(rounds=9, images=epochs.SHORT)
    yield from epochs.epoch(rounds=5, images=55_000)
    yield from shares.measure(rounds=5, epochs=1, images=epochs.SHORT, batch_size=25)
    for batch_size in (25, 128):
        yield from shares.measure(rounds=3, epochs=10, images=55_000, batch_size=batch_size)
    yield from epochs.loaders(rounds=3, images=55_000)
    yield from epochs.packed(rounds=7, steps=100)
    yield from whole.planning([10_000, 100_000])
    yield from whole.parquet(10_000)
    yield from whole.efficiency(300)
    yield from whole.costs([100, 1_000, 10_000])
    yield from whole.recovery(3)


def beside(asked) -> Iterator[Row]:
    """What the options name, beside this checkout."""
    if asked.peer:
        rounds, images = (1, 10_000) if asked.quick else (5, peers.MNIST)
        yield from peers.measure(dict(asked.peer), rounds, images)
    if asked.against:
        yield from against.measure(asked.against, quick=asked.quick, full=asked.full)


def options(arguments=None):
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="less of it, within two minutes")
    extent.add_argument(
        "--full", action="store_true", help="trials of ten epochs as well, with --against"
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=peers.named,
        metavar="NAME=PATH",
        help=f"also measure a checkout of {' or '.join(peers.PEERS)}; may be given twice",
    )
    parser.add_argument(
        "--against", metavar="COMMIT", help="also measure an older commit of this project"
    )
    parser.add_argument(
        "--only-beside", action="store_true", help="measure only --peer and --against"
    )
    return parser.parse_args(arguments)


def main():
    """Measure, keep and print."""
    asked = options()
    runtime.settle()
    rows = []
    every = iter(()) if asked.only_beside else quick() if asked.quick else everything()
    for row in itertools.chain(beside(asked), every):
        print(f"{row.group}: {row.measure}: {row.value:.4g} {row.unit}", flush=True)
        rows.append(row)
    show(rows, keep(rows, asked.quick))


if __name__ == "__main__":
    main()
