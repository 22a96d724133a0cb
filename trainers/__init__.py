"""How trials are trained: methods, weights, networks, data sets, activations, and the loop.

Importing this package needs no torch; `trainers.loop.train` and `load_network` do.
"""

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

_clashes = runpy.run_path(str(Path(__file__).parents[1] / "studies" / "_clashes.py"))
_clashes["resolve"]("studies", "trainers")

from trainers.checking import check  # noqa: E402  (it imports studies)

if TYPE_CHECKING:
    from trainers.network_files.module import PlainNetwork

__all__ = ["check", "load_network"]


def load_network(path: str | Path) -> "PlainNetwork":
    """Return a trained network from its file, as an ordinary torch module with ordinary weights.

    Args:
        path: a file from `untuned export` or `untuned train --save`.

    Returns:
        A module in evaluation mode, from images as in the data set's files to logits.

    Raises:
        UserError: the file cannot be read, is damaged, or holds no trained network.
    """
    from trainers.network_files.format import read_network
    from trainers.network_files.module import PlainNetwork

    return PlainNetwork(read_network(path))
