"""The conditions that a trial runs under, set and told in one place."""

import ctypes
import platform
import sys
from functools import cache
from importlib.metadata import version

import torch

_LIBRARIES = ("numpy", "torch")

#: glibc's mallopt(3): from this size on memory comes from the system and goes back when it is
#: freed (32 MiB is the most), and up to that much the heap keeps of what is free at its end.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_MMAP, _KEPT = 2**25, 2**31 - 1


def settle(*, tf32: bool = False) -> None:
    """One thread per process, no denormal numbers, and on a GPU the precision that is asked for.

    One single-threaded process per core is a CPU's optimum for small networks, and a fixed number
    of threads is part of what makes results reproducible to the bit. The gradients of a unit that
    has died fade into denormal numbers, on which a CPU is many times slower; they become zero.

    Args:
        tf32: whether a GPU may multiply float32 numbers by their first 10 bits of mantissa.
    """
    _keep_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


def _keep_memory() -> None:
    """Have freed memory kept for the next step, where the C library is glibc.

    A convolution's tensors are large enough to be given back to the system after every use; to get
    them again page by page took a quarter of an evaluation's time.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _MMAP)
            mallopt(_M_TRIM_THRESHOLD, _KEPT)


def tf32() -> bool:
    """Whether a GPU multiplies with TF32."""
    return bool(torch.backends.cuda.matmul.allow_tf32)


def threads() -> int:
    """Threads that PyTorch computes with in this process."""
    return torch.get_num_threads()


@cache
def versions() -> str:
    """What can change a result's bits: Python and the libraries that compute, with versions."""
    libraries = [f"{name}={version(name)}" for name in _LIBRARIES]
    python = f"python={platform.python_version()}"
    return " ".join([python, f"cpu={platform.machine()}", *libraries])
