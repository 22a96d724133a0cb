"""Other projects' training loops beside ours, where the user has a checkout of them.

None of their code is here. A copy of the checkout is changed where today's PyTorch and NumPy demand
it; the checkout itself stays as it is.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

from against import ROOT, subject
from epochs import write_mnist
from subjects import Subject
from table import AT_LEAST, Row, noise, ratios

#: By the peer's name: the file and the two texts of each change, and the ratio to be reached.
PEERS = {
    "open_lth": (
        (
            ("models/base.py", "(abc.ABC, torch.nn.Module)", "(torch.nn.Module, abc.ABC)"),
            ("training/optimizers.py", "np.product(", "np.prod("),
        ),
        6,
    ),
    "hidden-networks": ((), 23),
}
#: Training images in an epoch of MNIST.
MNIST = 60_000
_RUNNER = Path(__file__).with_name("peer_subject.py")


def named(text):
    """The name and the path in NAME=PATH, checked."""
    name, _, path = text.partition("=")
    if name not in PEERS:
        raise SystemExit(f"--peer {text}: give NAME=PATH, where NAME is {' or '.join(PEERS)}")
    if not Path(path).is_dir():
        raise SystemExit(f"--peer {text}: there is no folder {path}")
    return name, Path(path)


@contextlib.contextmanager
def copied(name, path):
    """A changed copy of a peer's checkout, as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="untuned-bench-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(path, copy, ignore=shutil.ignore_patterns(".git"))
        for file, old, new in PEERS[name][0]:
            text = (copy / file).read_text(encoding="utf-8")
            (copy / file).write_text(text.replace(old, new), encoding="utf-8")
        yield copy


def measure(peers, rounds, images, batch_size=128):
    """The time of an epoch of each peer over ours of free pruning, in turn.

    A peer's epoch is training alone. Ours is a trial of one epoch: once training alone, once with
    all that a study records of it.

    Args:
        peers: the checkouts by name.
        rounds: after one that warms up.
        images: in an epoch, random ones in MNIST's shape.
        batch_size: of each.
    """
    group = f"epoch of LeNet-300-100, batch {batch_size}, {images:,} images"
    trial = {"what": "trial", "method": "free-pruning", "network": "lenet-300-100"}
    ours = trial | {"batch_size": batch_size, "count": [1, images]}
    taken = {name: [] for name in ("ours, training alone", "ours, all included", *peers)}
    with contextlib.ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_mnist(data / "mnist", noise((1, 28, 28), (images, 50, 50)))
        here = stack.enter_context(subject(ROOT))
        others = {}
        for name, path in peers.items():
            copy = stack.enter_context(copied(name, path))
            others[name] = stack.enter_context(Subject(_RUNNER, name, data, path=[copy]))
        for _ in range(rounds + 1):
            seconds = here.ask(**ours)
            taken["ours, training alone"].append(seconds["training"])
            taken["ours, all included"].append(seconds["all"])
            for name, other in others.items():
                taken[name].append(other.ask(batch_size=batch_size)["training"])
    taken = {name: of_rounds[1:] for name, of_rounds in taken.items()}
    for name, seconds in taken.items():
        yield Row.of(group, name, seconds, "s")
    for name in peers:
        for ours in ("ours, training alone", "ours, all included"):
            whole = images == MNIST and ours.endswith("included")
            wanted = f"{AT_LEAST} {PEERS[name][1]}" if whole else ""
            measure = f"{name} / {ours}"
            yield Row.of(group, measure, ratios(taken[name], taken[ours]), "x", wanted)
