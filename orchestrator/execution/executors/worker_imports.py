"""What a worker of Ray needs for training; Ray imports this module when it starts a worker."""

from studies import garbage

with garbage.not_collected():
    import trainers.loop  # noqa: F401
    from orchestrator.execution.executors import ray_tune_adapters  # noqa: F401
