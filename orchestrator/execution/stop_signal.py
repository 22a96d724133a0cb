"""Ends a run in an orderly way."""


class Stop:
    """Whether a run is to end before all is done.

    Attributes:
        asked: whether the user has asked for it.
        reason: why going on is of no use, in words; empty if it is.
    """

    def __init__(self) -> None:
        self.asked = False
        self.reason = ""

    def __bool__(self) -> bool:
        return self.asked or bool(self.reason)
