"""The results that this project ships: whole studies in `studies/results/`, only to be read.

A checkout has them, an installed wheel does not. `UNTUNED_SHIPPED` names another folder of such
results.
"""

import os
from pathlib import Path

import studies
from studies import sources
from studies.errors import UserError
from studies.store import Store, studies_in

#: Where the shipped results of a checkout are.
FOLDER = Path(studies.__file__).parent / "results"
#: The most bytes of all shipped results together.
MOST_BYTES = 30_000_000
#: The environment variable that names another folder.
VARIABLE = "UNTUNED_SHIPPED"


def folder() -> Path:
    """Return the folder of all shipped results, which need not exist.

    Raises:
        UserError: the variable names no folder of this machine.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return FOLDER
    if "://" in given:
        raise UserError(f"{VARIABLE} {given}: give a folder of this machine, or unset it")
    return sources.expanded(given)


def names() -> list[str]:
    """Return the names of the studies whose results are shipped."""
    where = str(folder())
    try:
        return studies_in(where)
    except UserError as error:
        by = f"{VARIABLE}: " if os.environ.get(VARIABLE) else ""
        raise UserError(f"{by}{error}") from None


def store(name: str) -> Store | None:
    """Return the shipped results of a study; None if there are none."""
    return Store(str(folder()), name) if name in names() else None
