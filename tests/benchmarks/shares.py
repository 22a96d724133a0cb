"""Where the time of a whole trial goes: the share of each part, which together are all of it.

The parts are timed from outside, by a clock around the functions that do them. A part that another
one calls counts for itself alone. The clock costs about a microsecond a call.
"""

import contextlib
import functools
import inspect
import time
from collections import defaultdict
from unittest import mock

from epochs import train
from steps import CPU
from table import PRODUCTS, Row, noise, trial

from trainers import engines, methods, networks, packs, recording
from trainers.batches import Batches
from trainers.measures.effective_size import LiveSearch
from trainers.recording import Recorder

_EFFECTIVE = "live connections and effective size"
#: The functions of each part that do not depend on the engine and the method: owner and name.
_PARTS = {
    "training: batches": [(Batches, "training")],
    "drawing weights": [(packs, "assemble")],
    "evaluation": [(Recorder, "_evaluate"), (Recorder, "_expected")],
    _EFFECTIVE: [
        (LiveSearch, "__init__"),
        (LiveSearch, "note"),
        (recording, "search"),
        (recording, "effective_sizes"),
    ],
    "counts and histograms of layers": [(Recorder, "_layer")],
    "controls and the last row": [(Recorder, "_final")],
}
_METHOD = {"drawing scores": "begin"}
_ENGINE = {
    "training: forward and backward pass": "backward",
    "training: gradient of the scores": "_turn",
    "training: optimiser": "_optimize",
    "training: effective weights": "_rebuild",
}
OTHER = "everything else"


class Clock:
    """Adds up the time of parts, without what they spend in one another.

    Attributes:
        seconds: of each part.
    """

    def __init__(self):
        self.seconds = defaultdict(float)
        self._running, self._since = [OTHER], time.perf_counter()

    @contextlib.contextmanager
    def on(self, part):
        """What runs meanwhile counts for this part."""
        self._turn(push=part)
        try:
            yield
        finally:
            self._turn()

    def stop(self):
        """Count the time until now."""
        self._turn(push=OTHER)

    def around(self, part, function):
        """Return the function, or the steps of a generator, with its time counted."""
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def step_by_step(*args, **kwargs):
                steps = function(*args, **kwargs)
                while True:
                    with self.on(part):
                        value = next(steps, steps)
                    if value is steps:
                        return
                    yield value

            return step_by_step

        @functools.wraps(function)
        def timed(*args, **kwargs):
            with self.on(part):
                return function(*args, **kwargs)

        return timed

    def _turn(self, push=None):
        now = time.perf_counter()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now
        if push is None:
            self._running.pop()
        else:
            self._running.append(push)


def of_trial(given, data):
    """The seconds of each part of a trial."""
    method, engine = _kinds(given, data)
    places = {part: list(places) for part, places in _PARTS.items()}
    places |= {part: [(method, name)] for part, name in _METHOD.items()}
    places |= {part: [(engine, name)] for part, name in _ENGINE.items()}
    clock = Clock()
    with contextlib.ExitStack() as stack:
        for part, each in places.items():
            for owner, name in each:
                timed = clock.around(part, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, timed))
        list(train([given], data))
        clock.stop()
    return dict(clock.seconds)


def _kinds(given, data):
    """The classes of the method and of the engine that train a trial."""
    method = methods.of([given])
    network = networks.build(given, data.shape, data.classes, PRODUCTS)
    pack = packs.assemble([given], network, CPU)
    return type(method), engines.choose(pack)


def measure(rounds, epochs, images, batch_size):
    """The shares of a trial of free pruning on noise in MNIST's shape, in percent."""
    data = noise((1, 28, 28), (images, 5_000, 10_000))
    found = defaultdict(list)
    for number in range(rounds):
        # A seed of its own: what the trials of a seed have in common is part of the first one.
        given = trial("free-pruning", seed=number + 1, epochs=epochs, batch_size=batch_size)
        seconds = of_trial(given, data)
        for part, each in seconds.items():
            found[part].append(100 * each / sum(seconds.values()))
    group = f"shares of a trial, {epochs} epochs of {images:,} images, batch {batch_size}"
    for part in [*_PARTS, *_METHOD, *_ENGINE, OTHER]:
        yield Row.of(group, part, found[part], "%")
