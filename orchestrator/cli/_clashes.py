"""Names a module that is imported instead of one of this project's packages."""

import sys
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("studies", "trainers", "analysis", "orchestrator")


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


check()  # before anything of the other packages is imported
