"""Dense training: the weights themselves are trained, all connections kept."""

from trainers.methods import Method

METHOD = Method()
