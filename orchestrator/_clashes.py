"""Sees to it that this project's packages are imported, and no others of their names."""

import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PACKAGES = ("studies", "trainers", "analysis", "orchestrator")


def _working_folder_last() -> None:
    """Import from the working folder only what is found nowhere else.

    Python puts it first for `python -m` and `python -c`. A user's `studies.py` or `trainers.py` in
    it would then be taken for this project's, here and in the workers, which have our paths.
    """
    with suppress(OSError):  # the working folder was deleted
        here = Path.cwd()
        if sys.path[:1] in ([""], [str(here)]) and here != _ROOT:
            del sys.path[0]
            sys.path.append(str(here))


def check() -> None:
    """End the program if another module has the name of one of the packages.

    Raises:
        SystemExit: one has, with code 2.
    """
    for name in _PACKAGES:
        spec = find_spec(name)
        origin = spec.origin if spec else None
        if origin is None or Path(origin).resolve().parent != (_ROOT / name).resolve():
            where = origin or "nothing"
            print(
                f"untuned: {where} is imported in place of untuned's package {name} (in {_ROOT}); "
                "rename it, or take its folder out of PYTHONPATH",
                file=sys.stderr,
            )
            raise SystemExit(2)


_working_folder_last()
check()  # before anything of the other packages is imported
