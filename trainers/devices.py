"""The devices of this machine, found without PyTorch, which the driver of a run does not need."""

import ast
import ctypes
import importlib.util
import os
import platform
from functools import cache
from pathlib import Path

#: The names of the two products of `trainers.products`.
MM, ONEDNN = "mm", "onednn"

_AMD = "AuthenticAMD"
#: What a processor must have for PyTorch to use AVX-512, in the names of /proc/cpuinfo.
_AVX512 = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"})
#: Zen 5, the first of AMD's families that computes 512 bits at once. Zen 4 has the instructions,
#: but takes two turns for each, and MKL already reaches nine tenths of its peak with AVX2. (Some
#: laptop processors of Zen 5 take two turns as well; the family does not tell.)
_ZEN_5 = 26


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def cpu_vendor() -> str:
    """Return the maker of the processor, such as AuthenticAMD; its architecture if not known.

    On ARM it is the implementer's number, such as 0x41.
    """
    about = cpuinfo()
    return about.get("vendor_id") or about.get("CPU implementer") or platform.machine()


def preferred_products() -> str:
    """Return the products that a run should use here if none of its trials is finished yet.

    oneDNN's are faster on AMD's processors that compute 512 bits at once, where MKL keeps to AVX2
    (measured with torch 2.14; see docs/costs.md). Everywhere else PyTorch's own stay until
    something else has been measured. The rule depends on the machine alone, never on a measured
    time.
    """
    about = cpuinfo()
    family = about.get("cpu family", "")
    wide = (
        cpu_vendor() == _AMD
        and int(family if family.isdecimal() else 0) >= _ZEN_5
        and set(about.get("flags", "").split()) >= _AVX512
    )
    may_use = os.environ.get("ATEN_CPU_CAPABILITY", "avx512") == "avx512"  # PyTorch's own setting
    return ONEDNN if wide and may_use else MM


def products_of(engine: str) -> str:
    """Return the name of the products that an engine computes with, by its recorded name."""
    return ONEDNN if engine.endswith(f"-{ONEDNN}") else MM


@cache
def cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in reversed(lines))
    return {name.strip(): value.strip() for name, _, value in pairs}


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
