"""One digest of named tensors, for checkpoints and for the files of trained networks."""

import hashlib
from collections.abc import Iterable

from torch import Tensor


def sha256(tensors: Iterable[tuple[str, Tensor]], header: str) -> bytes:
    """Return the SHA-256 of tensors with their names, shapes and types, 32 bytes.

    Args:
        tensors: name and tensor, in the order in which they count.
        header: the text that precedes each tensor's bytes, with the fields ``{name}``, ``{shape}``
            and ``{dtype}``. Each file format has its own, so its files stay readable.
    """
    digest = hashlib.sha256()
    for name, tensor in tensors:
        text = header.format(name=name, shape=tuple(tensor.shape), dtype=tensor.dtype)
        digest.update(text.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.digest()
