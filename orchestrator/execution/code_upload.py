"""Collects this project's code in a folder, to send it to the nodes of a cluster; its commit."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

#: The files of each package that a run needs; data files are those of pyproject.toml.
_SHIPPED = {
    "studies": ("**/*.py", "library/**/*.yaml"),
    "trainers": ("**/*.py",),
    "orchestrator": ("**/*.py", "explorer/assets/*"),
    "analysis": ("**/*.py", "report/page/*", "reference/*"),
}

#: The environment variable that carries the commit to nodes, where the code is no checkout.
COMMIT = "UNTUNED_COMMIT"
#: The environment variable that carries the command that a user would give again.
COMMAND = "UNTUNED_COMMAND"


@contextlib.contextmanager
def staged(files: Mapping[str, str]) -> Iterator[Path]:
    """Yield a temporary folder with copies of the four packages, and some files beside them.

    Ray names an upload after the names and bytes in it, so the same content is sent only once.

    Args:
        files: the text of each file by its name.
    """
    with tempfile.TemporaryDirectory(prefix="untuned-") as made:
        folder = Path(made)
        for package, patterns in _SHIPPED.items():
            source = _place(package)
            for pattern in patterns:
                for path in source.glob(pattern):
                    target = folder / package / path.relative_to(source)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        yield folder


def commit() -> str | None:
    """The commit of this project's checkout; None for an installed package.

    The repository must be this project's own: a package may be installed within another one.

    On a node of a cluster it is that of the checkout that was sent there.
    """
    sent = os.environ.get(COMMIT)
    if sent:
        return sent
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "rev-parse", "--show-toplevel", "HEAD"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, env=own
        )
    except OSError:
        return None
    top, _, head = answer.stdout.strip().partition("\n")
    is_own = bool(head) and Path(top).resolve() == root and (root / "pyproject.toml").is_file()
    return head if is_own else None


def _place(package: str) -> Path:
    """The folder of a package, whether installed or in a checkout, without importing it."""
    spec = find_spec(package)
    assert spec is not None  # noqa: S101  (a package of this very project)
    assert spec.origin is not None  # noqa: S101
    return Path(spec.origin).parent
