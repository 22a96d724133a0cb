"""Learning-rate schedules: the factor on the learning rate at each step of a round."""

import math


def factor(schedule: str, progress: float) -> float:
    """Return the factor on the trial's learning rate.

    Args:
        schedule: ``constant``; ``steps``, divided by ten at 2/5, 3/5 and 4/5 of the training, which
            are epochs 80, 120 and 160 of 200 (arXiv:2006.16627, its residual network); or
            ``cosine``, half a cosine down to zero (Loshchilov & Hutter 2017, arXiv:1608.03983,
            without restarts).
        progress: steps taken before this one, as a fraction of the round's steps.
    """
    if schedule == "steps":
        return float(0.1 ** sum(progress >= edge for edge in (0.4, 0.6, 0.8)))
    if schedule == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 1.0
