"""Dense training: the weights themselves are trained, all connections kept."""

from trainers.methods import Method

MIXES = True


class Dense(Method):
    """`Method` itself, with its promises."""

    elementwise = capturable = True


METHOD = Dense()
