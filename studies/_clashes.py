"""Sees to it that this project's packages are imported, and no others of their names.

The packages run this file by its path before they import anything of each other: `studies` itself
may be another's.
"""

import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def working_folder_last() -> None:
    """Import from the working folder only what is found nowhere else.

    Python puts it first for `python -m`, `python -c` and a script that lies in it. A user's
    `studies.py` or `trainers.py` in it would then be taken for this project's, here and in the
    workers, which have our paths.
    """
    with suppress(OSError):  # the working folder was deleted
        here = Path.cwd()
        if sys.path[:1] in ([""], [str(here)]) and here != _ROOT:
            del sys.path[0]
            sys.path.append(str(here))


def check(*packages: str) -> None:
    """End the program if another module has the name of one of the packages.

    Raises:
        SystemExit: one has, with code 2.
    """
    for name in packages:
        if (other := _other(name)) is not None:
            print(
                f"untuned: {other} is imported in place of untuned's package {name} (in {_ROOT}); "
                "rename it, or take its folder out of PYTHONPATH",
                file=sys.stderr,
            )
            raise SystemExit(2)


def resolve(*packages: str) -> None:
    """As `working_folder_last`, if a module in it is imported in place of a package; then `check`.

    Raises:
        SystemExit: as `check`.
    """
    if any(_other(name) is not None for name in packages):
        working_folder_last()
    check(*packages)


def _other(name: str) -> str | None:
    """Return what is imported in place of a package; None if it is the package."""
    spec = find_spec(name)
    origin = spec.origin if spec else None
    if origin is None or Path(origin).resolve().parent != (_ROOT / name).resolve():
        return origin or "nothing"
    return None
