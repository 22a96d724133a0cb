"""Random numbers that are the same on every machine, whatever else is drawn.

A stream is keyed by (seed, stream, layer), so no draw depends on the length of another. Networks
that differ in width, distribution or method share the random numbers that they have in common. The
bits are numpy's raw Philox 4x64 output, which numpy promises never to change. The first n numbers
of a stream are the same for every n.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

#: Frozen for ever: a stream's number is part of its key.
STREAMS = {
    "sign": 0,
    "magnitude": 1,
    "score": 2,
    "order": 3,
    "augment": 4,
    "mask": 5,
    "split": 6,
    "labels": 7,
    "rounding": 8,
    "control": 9,
}


#: The most numbers of what is remembered for the other trials of a seed; 32 times 2 MB at most.
REMEMBERED = 2**18


def bits(seed: int, stream: str, layer: int, n: int, turn: int = 0) -> npt.NDArray[np.uint64]:
    """Return the first ``n`` raw 64-bit words of a stream, shape [n].

    Args:
        seed: the trial's seed.
        stream: a key of `STREAMS`.
        layer: the layer's index, or what else counts within the stream (for ``order``, the epoch).
        n: the number of words.
        turn: the number of the draw, for a stream that is drawn from repeatedly; it is the last
            word of the counter.
    """
    key = np.array([seed, STREAMS[stream] << 32 | layer], dtype=np.uint64)
    counter = np.array([0, 0, 0, turn], dtype=np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(n)


def uniform(seed: int, stream: str, layer: int, n: int) -> npt.NDArray[np.float64]:
    """Return the first ``n`` uniform numbers of a stream, strictly between 0 and 1, shape [n].

    The upper 53 bits of each word w give (floor(w / 2^11) + 1/2) / 2^53.
    """
    words = (bits(seed, stream, layer, n) >> np.uint64(11)).astype(np.float64)
    return (words + 0.5) * np.float64(2.0**-53)


def permutation(seed: int, stream: str, layer: int, n: int) -> npt.NDArray[np.int64]:
    """Return a random order of 0 to n-1, shape [n]: the stable order of the stream's words.

    Trials of one seed share their orders, so short ones are remembered.
    """
    if n > REMEMBERED:
        return _order(seed, stream, layer, n)
    return _remembered_order(seed, stream, layer, n).copy()


def _order(seed: int, stream: str, layer: int, n: int) -> npt.NDArray[np.int64]:
    return np.argsort(bits(seed, stream, layer, n), kind="stable")


_remembered_order = lru_cache(maxsize=32)(_order)
