"""Reading a large study: 20,000 trials of 100 epochs, in a part each and with merged parts.

    python tests/benchmarks/tables.py [--trials N]

Makes the results up (with the project's own writer, in a folder of its own), then measures in a
process each: a plain pandas read of all parts of `epochs` with its means, the same means through
`analysis.load`, and the report's tables (its load, the table of cells, four curves over the
epochs). `layers` has the first and the last epoch only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from studies.schemas import FIGURES
from studies.store import Store
from studies.store.writer import Writer
from studies.study import from_mapping

EPOCHS = 100
_CELLS = {
    "method": ["dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"],
    "weights": ["he-normal", "he-constant", "glorot-normal", "binary"],
    "positive_fraction": [0.1, 0.3, 0.5, 0.7, 0.9],
}
_LAYERS = (235_200, 30_000, 1_000)


def make(root, trials):
    """Write so many trials, a part each in every table."""
    axes = {"network": "lenet-300-100", "dataset": "mnist", "epochs": EPOCHS, **_CELLS}
    cells = int(np.prod([len(values) for values in _CELLS.values()]))
    given = {"name": "large", "seeds": max(1, trials // cells), "margin": 0.2, "axes": axes}
    study, rng = from_mapping(given, "tables"), np.random.default_rng(0)
    store = Store(str(root), study.name)
    store.definitions.record(study)
    writer = Writer(store, seconds=0.0)
    for trial in study.trials():
        figures = rng.random((EPOCHS + 1, len(FIGURES)))
        epochs = [
            dict(zip(FIGURES, row.tolist(), strict=True))
            | {"epoch": n, "train_seconds": 1.5, "evaluation_seconds": 0.2}
            for n, row in enumerate(figures)
        ]
        layers = [_layer(epoch, number) for epoch in (0, EPOCHS) for number in range(3)]
        final = {name: epochs[-1][name] for name in FIGURES} | {
            "outcome": "completed",
            "last_epoch": EPOCHS,
            "test_images": 10_000,
            "test_correct": rng.bytes(1_250),
            "classes": 10,
            "dataset_fingerprint": "0123456789ab",
            "engine": "mlp",
            "seconds": 170.0,
            "host": "made-up",
            "device": "cpu",
            "threads": 1,
            "pack_size": 1,
            "versions": "made up",
            "commit": None,
        }
        writer.add(trial, writer.attempt(), final, epochs=epochs, layers=layers)
    writer.flush()
    return store


def _layer(epoch, number):
    connections, changed = _LAYERS[number], _LAYERS[number] // 3 * (epoch > 0)
    return {
        "epoch": epoch,
        "layer": number,
        "layer_name": f"fc{number + 1}",
        "connections": connections,
        "mask_negative": 0,
        "mask_zero": changed,
        "mask_positive": connections - changed,
        "effective_negative": connections // 2,
        "effective_zero": changed,
        "effective_positive": connections - connections // 2 - changed,
    }


def plain(uri):
    """A plain pandas read of every part."""
    import pandas as pd

    parts = sorted(Path(uri, "epochs").glob("*.parquet"))
    rows = pd.concat([pd.read_parquet(part) for part in parts])
    return len(rows.groupby("epoch")["test_accuracy"].mean())


def means(uri):
    """The same means as `plain`, from the project's tables."""
    import analysis

    loaded = analysis.load(uri)
    return len(loaded.query("SELECT epoch, avg(test_accuracy) FROM epochs GROUP BY epoch").df())


def tables(uri):
    """The report's tables."""
    import analysis
    from analysis.drawing.curves import curves
    from analysis.estimates.summary import summary

    loaded = analysis.load(uri)
    for value in ("test_accuracy", "test_loss", "train_loss", "changed"):
        curves(loaded, value)
    return len(summary(loaded))


def merge(uri):
    """Merge the parts."""
    from studies.store.compaction import compact

    root, _, name = uri.rpartition("/")
    return {table: f"{c.before} to {c.after}" for table, c in compact(Store(root, name)).items()}


WHAT = {function.__name__: function for function in (plain, means, tables, merge)}


def peak():
    """The peak memory of this process in MB; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(what, uri):
    """Seconds and peak memory of one of `WHAT` in a process of its own, imports included."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--only", what, "--uri", uri]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, json.loads(done.stdout)


def main():
    """Make, measure, merge, measure again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--only", choices=WHAT, help=argparse.SUPPRESS)
    parser.add_argument("--uri", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        rows = WHAT[asked.only](asked.uri)
        print(json.dumps({"rows": rows, "peak_mb": peak()}))
        return
    with tempfile.TemporaryDirectory() as root:
        started = time.perf_counter()
        store = make(root, asked.trials)
        print(f"{asked.trials:,} trials written in {time.perf_counter() - started:.0f} s")
        found = {("apart", what): measured(what, store.uri) for what in WHAT}  # merging comes last
        print(f"merged: {found['apart', 'merge'][1]['rows']}")
        found |= {("merged", what): measured(what, store.uri) for what in ("means", "tables")}
    for (parts, what), (seconds, about) in found.items():
        print(f"{what}, parts {parts}: {seconds:.1f} s, peak {about['peak_mb']:.0f} MB")
    base = found["apart", "plain"][0]
    for parts in ("apart", "merged"):
        print(f"plain pandas / our means, parts {parts}: {base / found[parts, 'means'][0]:.1f}")
    ratio = found["apart", "tables"][0] / found["merged", "tables"][0]
    print(f"report's tables, parts apart / merged: {ratio:.1f}")


if __name__ == "__main__":
    main()
