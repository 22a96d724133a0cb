"""What a worker of Ray needs for training; Ray imports this module when it starts a worker."""

from orchestrator.execution.imports import without_garbage_collection

with without_garbage_collection():
    import trainers.loop  # noqa: F401
    from orchestrator.execution.executors import ray_tune_adapters  # noqa: F401
