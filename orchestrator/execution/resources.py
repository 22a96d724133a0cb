"""Workers and GPUs of a run: what is asked for, and what this machine or a cluster has."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass

from studies.errors import UserError


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes:
        workers: processes that train, each with one thread.
        device: ``cpu`` or ``cuda``.
        gpus: that the workers share; 0 on a CPU.
        gpu_fraction: of a GPU that each worker gets; bookkeeping, not isolation.
        lock_step: whether trials of the same shapes are trained side by side.
        tf32: whether a GPU may multiply with TF32.
        checkpoint_seconds: of training after which a trial leaves a checkpoint; 0 for none.
    """

    workers: int
    device: str = "cpu"
    gpus: int = 0
    gpu_fraction: float = 0.0
    lock_step: bool = False
    tf32: bool = False
    checkpoint_seconds: float = 60.0

    def __str__(self) -> str:
        return f"{self.workers} worker{'s' if self.workers > 1 else ''} on {self.device}"


@dataclass(frozen=True)
class ResourceRequest:
    """What the user asks for; None where nothing is said.

    Attributes:
        workers: processes.
        device: ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.
        gpus: how many to use.
        gpu_fraction: of a GPU that each worker gets.
        tf32: whether a GPU may multiply with TF32.
        checkpoint_seconds: as in `Resources`.
    """

    workers: int | None = None
    device: str = "auto"
    gpus: int | None = None
    gpu_fraction: float | None = None
    tf32: bool = False
    checkpoint_seconds: float = 60.0

    def here(self) -> Resources:
        """The resources on this machine: a worker per core, or per GPU or part of one.

        Raises:
            UserError: there is no such device, or the GPUs do not suffice for the workers.
        """
        from trainers import devices

        if device(self.device) == "cpu":
            return self._on_cpus(cores())
        return self._on_gpus(devices.gpus(), "this machine")

    def on_cluster(self, totals: Mapping[str, float]) -> Resources:
        """The resources on a cluster.

        Args:
            totals: what it has, as `ray.cluster_resources` counts: ``CPU``, ``GPU``.

        Raises:
            UserError: it has no such device, or too little of it.
        """
        gpus, cpus = int(totals.get("GPU", 0)), int(totals.get("CPU", 0))
        if self.device == "cuda" and not gpus:
            raise UserError("--device cuda: the cluster has no GPU; give --device cpu")
        if self.device == "cpu" or not gpus:
            if not cpus:
                raise UserError("the cluster has no CPU to train on; start nodes that have")
            return self._on_cpus(cpus)
        return self._on_gpus(gpus, "the cluster")

    def _on_cpus(self, there: int) -> Resources:
        given = {
            f"--gpus {self.gpus}": self.gpus,
            f"--gpu-fraction {self.gpu_fraction}": self.gpu_fraction,
            "--tf32": self.tf32,
        }
        for option, value in given.items():
            if value:
                raise UserError(f"{option}: the run is on the CPU; leave it out")
        return Resources(self.workers or there, checkpoint_seconds=self.checkpoint_seconds)

    def _on_gpus(self, there: int, where: str) -> Resources:
        gpus = self.gpus or there
        fraction = self.gpu_fraction or 1 / math.ceil((self.workers or gpus) / gpus)
        on_each = math.floor(1 / fraction + 1e-9)
        workers = self.workers or on_each * gpus
        if gpus > there or workers > on_each * gpus:
            raise UserError(
                f"--gpus {gpus} --workers {workers} --gpu-fraction {fraction:g}: {where} has "
                f"{there} GPUs, and {gpus} of them take {on_each * gpus} such workers"
            )
        return Resources(
            workers,
            "cuda",
            gpus,
            fraction,
            lock_step=True,
            tf32=self.tf32,
            checkpoint_seconds=self.checkpoint_seconds,
        )


def device(wanted: str) -> str:
    """The device to train on here: ``cpu`` or ``cuda``.

    Raises:
        UserError: there is no such device.
    """
    from trainers import devices

    found = devices.choose(wanted)
    if not found:
        raise UserError("--device cuda: PyTorch sees no GPU here; give --device cpu")
    return found


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
