"""Which devices there are, without importing PyTorch: a run's driver does not need it."""

import ast
import ctypes
import importlib.util
from functools import cache
from pathlib import Path


@cache
def gpus() -> int:
    """How many GPUs PyTorch would see here; CUDA_VISIBLE_DEVICES counts."""
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


def choose(wanted: str) -> str:
    """The device that ``auto``, ``cpu`` or ``cuda`` stands for here; empty where there is none."""
    if wanted == "auto":
        return "cuda" if gpus() else "cpu"
    return wanted if wanted == "cpu" or gpus() else ""


def _torch_versions() -> dict[str, str | None]:
    """What PyTorch says of its build: ``cuda`` and ``hip``, a version or None.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    body = ast.parse((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")).body
    found = {}
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            assert statement.value is not None  # noqa: S101
            found[statement.target.id] = ast.literal_eval(statement.value)
    return found


def _ask_torch() -> int:
    """For builds whose library is another one."""
    import torch

    return torch.cuda.device_count()
