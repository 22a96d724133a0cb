"""The devices of this machine, found without PyTorch, which the driver of a run does not need."""

import ast
import ctypes
import importlib.util
from functools import cache
from pathlib import Path


@cache
def gpus() -> int:
    """Return how many GPUs PyTorch would see here; CUDA_VISIBLE_DEVICES is respected."""
    built_for = _torch_versions()
    if built_for.get("cuda") is None:
        return _ask_torch() if built_for.get("hip") else 0
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:  # no driver, or not Linux
        return 0
    count = ctypes.c_int(0)
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def choose(device: str) -> str:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` means here; empty if there is none."""
    if device == "auto":
        return "cuda" if gpus() else "cpu"
    return device if device == "cpu" or gpus() else ""


def _torch_versions() -> dict[str, str | None]:
    """What PyTorch was built for: ``cuda`` and ``hip``, a version or None.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    body = ast.parse((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")).body
    versions = {}
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            assert statement.value is not None  # noqa: S101
            versions[statement.target.id] = ast.literal_eval(statement.value)
    return versions


def _ask_torch() -> int:
    """The number of GPUs, for builds that use another library than CUDA's."""
    import torch

    return torch.cuda.device_count()
