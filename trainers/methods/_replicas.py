"""Functions of [R, *shape] that give each replica the bits that it has alone."""

from collections.abc import Callable

import torch
from torch import Tensor


def elementwise(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Return a function such as the sigmoid of each value, [R, *shape].

    On a CPU the last few values of a tensor are computed by other code than those before, with
    other bits, so each replica is a tensor of its own.
    """
    if values.is_cuda or len(values) == 1:
        return function(values)
    return torch.stack([function(replica) for replica in values])


def sums(values: Tensor) -> Tensor:
    """Return each replica's sum, [R]; the order of a sum must not depend on the pack's size."""
    return torch.stack([replica.sum() for replica in values])
