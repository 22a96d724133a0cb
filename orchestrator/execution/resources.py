"""Workers and GPUs of a run: what the options ask for, and what this machine or a cluster has."""

import math
from collections import Counter
from collections.abc import Collection, Mapping

from orchestrator.execution.messages import Resources, RunOptions
from studies.errors import UserError
from trainers.devices import cores


def on_this_machine(options: RunOptions) -> Resources:
    """The resources here: a worker per core, or per GPU or fraction of one.

    Raises:
        UserError: there is no such device, or the GPUs do not suffice for the workers.
    """
    from trainers import devices

    inline = options.executor == "inline"
    if inline:
        refuse_more_than_one(options)
    if device(options.device) == "cpu":
        return _on_cpus(options, 1 if inline else cores())
    return _on_gpus(options, 1 if inline else devices.gpus(), "this machine")


def refuse_more_than_one(
    options: RunOptions, instead: str = "start several such runs with --join"
) -> None:
    """Refuse what a run in this process alone cannot have.

    Args:
        options: of the run.
        instead: what the user can do instead.

    Raises:
        UserError: several workers or GPUs, or a fraction of one, are asked for.
    """
    several = {
        f"--workers {options.workers}": options.workers not in (None, 1),
        f"--gpus {options.gpus}": options.gpus not in (None, 1),
        f"--gpu-fraction {options.gpu_fraction}": options.gpu_fraction not in (None, 1),
    }
    for option, is_given in several.items():
        if is_given:
            raise UserError(
                f"{option}: the executor inline trains in this process alone; leave it out, or "
                f"{instead}"
            )


def on_cluster(options: RunOptions, totals: Mapping[str, float]) -> Resources:
    """The resources on a cluster.

    Args:
        options: of the run.
        totals: what the cluster has, as `ray.cluster_resources` counts: ``CPU``, ``GPU``.

    Raises:
        UserError: it has no such device, or too little of it.
    """
    gpus, cpus = int(totals.get("GPU", 0)), int(totals.get("CPU", 0))
    if options.device == "cuda" and not gpus:
        raise UserError("--device cuda: the cluster has no GPU; give --device cpu")
    if options.device == "cpu" or not gpus:
        if not cpus:
            raise UserError("the cluster has no CPU to train on; start nodes that have")
        return _on_cpus(options, cpus)
    return _on_gpus(options, gpus, "the cluster")


def _on_cpus(options: RunOptions, available: int) -> Resources:
    for_gpus = {
        f"--gpus {options.gpus}": options.gpus,
        f"--gpu-fraction {options.gpu_fraction}": options.gpu_fraction,
        "--tf32": options.tf32,
    }
    for option, value in for_gpus.items():
        if value:
            raise UserError(f"{option}: the run is on the CPU; leave it out")
    return Resources(options.workers or available)


def _on_gpus(options: RunOptions, available: int, where: str) -> Resources:
    gpus = options.gpus or available
    fraction = options.gpu_fraction or 1 / math.ceil((options.workers or gpus) / gpus)
    per_gpu = math.floor(1 / fraction + 1e-9)
    workers = options.workers or per_gpu * gpus
    if gpus > available or workers > per_gpu * gpus:
        raise UserError(
            f"--gpus {gpus} --workers {workers} --gpu-fraction {fraction:g}: {where} has "
            f"{available} GPUs, and {gpus} of them take {per_gpu * gpus} such workers"
        )
    return Resources(workers, "cuda", gpus, fraction, lock_step=True)


def engine(choice: str, recorded: Collection[str]) -> str:
    """What fully connected layers are computed with on a CPU: ``mm`` or ``onednn``.

    Trials that are compared should have the same engine, so ``auto`` goes on with the one that most
    of the finished trials have.

    Args:
        choice: ``auto``, ``mm`` or ``onednn``.
        recorded: the engines of the trials that finished on a CPU, by their recorded names.
    """
    from trainers import devices

    if choice != "auto":
        return choice
    counts = Counter(devices.products_of(name) for name in recorded)
    return counts.most_common(1)[0][0] if counts else devices.preferred_products()


def device(choice: str) -> str:
    """The device to train on here: ``cpu`` or ``cuda``.

    Args:
        choice: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        UserError: there is no such device.
    """
    from trainers import devices

    chosen = devices.choose(choice)
    if not chosen:
        raise UserError("--device cuda: PyTorch sees no GPU here; give --device cpu")
    return chosen
