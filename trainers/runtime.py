"""The conditions that a trial runs under, set and reported in one place."""

import ctypes
import platform
import sys
from functools import cache
from importlib.metadata import version

import torch

from trainers import devices

_LIBRARIES = ("numpy", "torch")

#: Parameters of glibc's mallopt(3) and their values in bytes. Memory of at least the first size
#: comes from the system and goes back when it is freed (32 MiB is the maximum). The heap keeps free
#: memory at its end up to the second size.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_MMAP_BYTES, _KEPT_BYTES = 2**25, 2**31 - 1


def settle(*, tf32: bool = False) -> None:
    """Set one thread per process, no denormal numbers, and the precision of a GPU.

    For small networks a CPU is fastest with one single-threaded process per core, and results are
    reproducible to the bit only with a fixed number of threads. The gradients of a dead unit fade
    into denormal numbers, on which a CPU is many times slower; they become zero.

    Args:
        tf32: whether a GPU may multiply float32 numbers by the first 10 bits of their mantissas.
    """
    _keep_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"  # type: ignore[attr-defined]


def _keep_memory() -> None:
    """Keep freed memory for the next step, where the C library is glibc.

    A convolution's tensors are so large that they would go back to the system after every use.
    Getting them again page by page took a quarter of an evaluation's time.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
            mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def tf32() -> bool:
    """Return whether a GPU multiplies with TF32."""
    return bool(torch.backends.cuda.matmul.allow_tf32)


def peak_memory() -> int:
    """Return the most memory that this process has taken so far, in bytes; 0 if not known."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak_device_memory(device: str) -> None:
    """Begin to count a device's peak memory anew."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_device_memory(device: str) -> int | None:
    """Return the most memory that tensors took on a GPU since the count began; None on a CPU."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else None


def threads() -> int:
    """Return the number of threads that PyTorch computes with in this process."""
    return torch.get_num_threads()


@cache
def versions() -> str:
    """Return what a result's bits depend on: Python, the processor and the libraries that compute.

    Of the processor: its architecture, its maker, and the instructions that PyTorch uses of it.
    """
    libraries = [f"{name}={version(name)}" for name in _LIBRARIES]
    capability = torch.backends.cpu.get_cpu_capability()
    cpu = ",".join([platform.machine(), devices.cpu_vendor(), capability.replace(" ", "-")])
    return " ".join([f"python={platform.python_version()}", f"cpu={cpu}", *libraries])
