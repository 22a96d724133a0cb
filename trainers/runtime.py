"""The conditions that a trial runs under, set and told in one place."""

import platform
from importlib.metadata import version

import torch

_LIBRARIES = ("numpy", "torch")


def settle() -> None:
    """One thread per process, and no denormal numbers.

    One single-threaded process per core is a CPU's optimum for small networks, and a fixed number
    of threads is part of what makes results reproducible to the bit. The gradients of a unit that
    has died fade into denormal numbers, on which a CPU is many times slower; they become zero.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def threads() -> int:
    """Threads that PyTorch computes with in this process."""
    return torch.get_num_threads()


def versions() -> str:
    """What can change a result's bits: Python and the libraries that compute, with versions."""
    libraries = [f"{name}={version(name)}" for name in _LIBRARIES]
    python = f"python={platform.python_version()}"
    return " ".join([python, f"cpu={platform.machine()}", *libraries])


def gpus() -> int:
    """How many GPUs PyTorch sees."""
    return torch.cuda.device_count()


def choose_device(wanted: str) -> str:
    """The device that ``auto``, ``cpu`` or ``cuda`` stands for here; empty where there is none."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted if wanted == "cpu" or torch.cuda.is_available() else ""
