"""The results that this project ships: whole studies in `studies/results/`, only to be read.

A checkout has them, an installed wheel does not. `UNTUNED_SHIPPED` names another folder of such
results.
"""

import os
from pathlib import Path

import studies
from studies.store import Store, studies_in

#: Where the shipped results of a checkout are.
FOLDER = Path(studies.__file__).parent / "results"
#: The most bytes of all shipped results together.
MOST_BYTES = 30_000_000
#: The environment variable that names another folder.
VARIABLE = "UNTUNED_SHIPPED"


def folder() -> Path:
    """Return the folder of all shipped results, which need not exist."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


def names() -> list[str]:
    """Return the names of the studies whose results are shipped."""
    return studies_in(str(folder()))


def store(name: str) -> Store | None:
    """Return the shipped results of a study; None if there are none."""
    return Store(str(folder()), name) if name in names() else None
