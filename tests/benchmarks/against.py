"""This checkout beside an older commit of it, each in a process of its own, in turn."""

import contextlib
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from subjects import Subject, interleaved
from table import Row, ratios

ROOT = Path(__file__).parents[2]
_RUNNER = Path(__file__).with_name("ours_subject.py")
_METHODS = ("dense", "free-pruning", "free-flipping")


@contextlib.contextmanager
def checkout(commit):
    """A temporary folder with the files of a commit; the repository stays as it is."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
    answer = subprocess.run(command, capture_output=True, check=False)
    if answer.returncode:
        raise SystemExit(f"--against {commit}: {answer.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory(prefix="untuned-bench-") as folder:
        with tarfile.open(fileobj=io.BytesIO(answer.stdout)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def subject(folder):
    """A checkout as a subject."""
    return Subject(_RUNNER, path=[folder / "tests" / "benchmarks", folder])


def measure(commit, *, quick, full):
    """The ratios new / old of steps and trials, round by round."""
    group = f"this / {commit}"
    with checkout(commit) as folder, subject(folder) as old, subject(ROOT) as new:
        sides = {"old": old, "new": new}
        for network, batch_size, count in (
            ("lenet-300-100", 25, 80 if quick else 200),
            ("lenet-300-100", 128, 40 if quick else 100),
            ("conv2", 25, 3),
        ):
            for method in _METHODS:
                request = {"what": "step", "count": count, "batch_size": batch_size}
                times = interleaved(
                    sides, 5 if quick else 15, **request, method=method, network=network
                )
                measure = f"step, {network}, batch {batch_size}, {method}"
                yield Row.of(group, measure, _ratio(times, "step"), "x")
        trials = [("1-epoch trial of 11,000 images", [1, 11_000], (25,), 2 if quick else 5)]
        if full:
            trials.append(("10-epoch trial of 55,000 images", [10, 55_000], (25, 128), 3))
        for name, count, batch_sizes, rounds in trials:
            for batch_size in batch_sizes:
                request = {"what": "trial", "count": count, "batch_size": batch_size}
                times = interleaved(
                    sides, rounds, **request, method="free-pruning", network="lenet-300-100"
                )
                for part, words in (("all", "all included"), ("training", "training alone")):
                    measure = f"{name}, batch {batch_size}, {words}"
                    yield Row.of(group, measure, _ratio(times, part), "x")


def _ratio(times, part):
    new, old = ([answer[part] for answer in times[side]] for side in ("new", "old"))
    return ratios(new, old)
