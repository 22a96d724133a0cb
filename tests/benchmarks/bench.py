"""All benchmarks, one table, and a line each in results/benchmarks.parquet.

    python tests/benchmarks/bench.py [--quick]

Ratios are of things measured side by side in one run; medians with quartiles. The times of a
machine that does other work beside it mean little, its ratios somewhat more.
"""

import argparse
from collections.abc import Iterator

import epochs
import peaks
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
    yield from peaks.measure(rounds=5, steps=100)
    yield from epochs.epoch(rounds=1, images=11_000)
    yield from epochs.loaders(rounds=3, images=5_000)
    yield from epochs.packed(rounds=3, steps=50)
    yield from whole.planning([10_000])
    yield from whole.parquet(1_000)
    yield from whole.costs([100, 1_000])
    yield from whole.recovery(1)


def full() -> Iterator[Row]:
    """Everything; about twenty minutes on two cores."""
    for batch_size in (25, 128):
        yield from steps.measure("lenet-300-100", batch_size, rounds=15, steps=200)
    for network in ("conv2", "conv4", "conv6"):
        yield from steps.measure(network, 25, rounds=7, steps=4)
    yield from peaks.measure(rounds=15, steps=200)
    yield from epochs.epoch(rounds=5, images=55_000)
    yield from epochs.loaders(rounds=3, images=55_000)
    yield from epochs.packed(rounds=7, steps=100)
    yield from whole.planning([10_000, 100_000])
    yield from whole.parquet(10_000)
    yield from whole.efficiency(300)
    yield from whole.costs([100, 1_000, 10_000])
    yield from whole.recovery(3)


def main():
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less of it, within two minutes")
    asked = parser.parse_args()
    runtime.settle()
    rows = []
    for row in quick() if asked.quick else full():
        print(f"{row.group}: {row.measure}: {row.value:.4g} {row.unit}", flush=True)
        rows.append(row)
    show(rows, keep(rows, asked.quick))


if __name__ == "__main__":
    main()
