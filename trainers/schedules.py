"""Learning-rate schedules: the factor on the learning rate at each step of a round."""

import math

#: The progress at which a schedule divides the rate by ten.
_EDGES = {"steps": (0.4, 0.6, 0.8), "late-steps": (2 / 3, 5 / 6)}


def factor(schedule: str, progress: float) -> float:
    """Return the factor on the trial's learning rate.

    Args:
        schedule: ``constant``; ``steps``, divided by ten at 2/5, 3/5 and 4/5 of the training, which
            are epochs 80, 120 and 160 of 200 (arXiv:2006.16627, its residual network);
            ``late-steps``, divided by ten at 2/3 and 5/6, which are about epochs 56 and 71 of 85
            (arXiv:1912.04427); ``cosine``, half a cosine down to zero (Loshchilov & Hutter 2017,
            arXiv:1608.03983, without restarts); or ``exponential``, 0.9^(10 progress): after 10 of
            100 epochs it is 0.9, as in arXiv:2201.13361, and it ends at 0.35 whatever the length.
        progress: steps taken before this one, as a fraction of the round's steps.
    """
    if schedule in _EDGES:
        return float(0.1 ** sum(progress >= edge for edge in _EDGES[schedule]))
    if schedule == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    if schedule == "exponential":
        return float(0.9 ** (10 * progress))
    return 1.0
