"""Whether a run is to end before all trials are finished."""


class StopSignal:
    """Ends a run in good order: true once the user has asked for the end or going on is useless.

    Attributes:
        requested: whether the user has asked for it.
        reason: why going on is useless, in words; empty if it is not.
    """

    def __init__(self) -> None:
        self.requested = False
        self.reason = ""

    def __bool__(self) -> bool:
        return self.requested or bool(self.reason)
