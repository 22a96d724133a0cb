"""The order of things around a CUDA graph, on a pretended device: there may be no GPU here."""

from contextlib import nullcontext

import pytest
import torch

from trainers.engines import graph
from trainers.engines.graph import Graphed


class _Engine:
    """Records its calls, and the images that the device would see."""

    def __init__(self):
        self.calls = []

    def set_rate(self):
        self.calls.append("set_rate")

    def update(self, images, labels):
        self.calls.append("update")
        self.images, self.labels = images, labels
        return images * 1.0

    def step(self, images, labels):
        self.calls.append("step")
        return images + 0.5


class _Stream:
    def wait_stream(self, other):
        pass


@pytest.fixture
def replays(monkeypatch):
    """Counts the replays of a graph that computes nothing."""
    done = []

    class Graph:
        def replay(self):
            done.append("replay")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", _Stream)
    monkeypatch.setattr(graph, "_side_stream", _Stream)
    return done


def batch(value, size=4):
    return torch.full((1, size), float(value)), torch.full((1, size), value)


def test_three_steps_as_they_are_then_one_captured_and_all_replayed(replays):
    engine = _Engine()
    graphed = Graphed(engine)
    for number in range(3):
        assert graphed.step(*batch(number))[0, 0] == number
    assert engine.calls == ["set_rate", "update"] * 3
    assert replays == []
    graphed.step(*batch(3))
    assert engine.calls == ["set_rate", "update"] * 4  # captured, which computes nothing
    assert replays == ["replay"]
    captured = engine.images
    graphed.step(*batch(7))
    assert engine.calls == ["set_rate", "update"] * 4 + ["set_rate"]  # the rate is the host's work
    assert replays == ["replay"] * 2
    assert engine.images is captured  # the graph looks where it always looked,
    assert captured.tolist() == [[7.0] * 4]  # and finds the new batch there
    assert engine.labels.tolist() == [[7] * 4]


def test_a_smaller_last_batch_is_taken_as_it_is(replays):
    engine = _Engine()
    graphed = Graphed(engine)
    for number in range(5):
        graphed.step(*batch(number))
    before = len(engine.calls)
    assert graphed.step(*batch(9, size=2)).tolist() == [[9.5, 9.5]]
    assert engine.calls[before:] == ["step"]
    assert replays == ["replay"] * 2
    assert engine.images.tolist() == [[4.0] * 4]


def test_what_is_given_back_does_not_change_with_the_next_step(replays):
    graphed = Graphed(_Engine())
    for number in range(4):
        graphed.step(*batch(number))
    first = graphed.step(*batch(5))
    graphed._logits.fill_(-1.0)  # as a replay would
    assert (first >= 0).all()
