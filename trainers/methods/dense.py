"""Dense training: the weights themselves are trained, all connections kept."""

from trainers.methods import Method

MIXES = True


class Dense(Method):
    """What `Method` does, and no more."""

    elementwise = capturable = True


METHOD = Dense()
