"""The one equation, effective = weight * where(score > threshold, 1, off), and its fast form."""

import math

import pytest
import torch

from trainers.methods import Layer, Pack, _connections
from trainers.methods._connections import effective_weight, write_effective_weight
from trainers.methods.free_flipping import METHOD as FREE_FLIPPING
from trainers.methods.free_pruning import METHOD as FREE_PRUNING

SUBNORMAL = 1e-42
SCORES = [0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 1e-30, -1e-30, 0.05, -0.1]
SCORES += [SUBNORMAL, -SUBNORMAL]
WEIGHTS = [0.5, -0.5, 0.0, -0.0, 1e-20, -3e38]


def bits(tensor):
    return tensor.view(torch.int32)


def fast(weight, score, off):
    into = torch.full_like(weight, math.nan)
    write_effective_weight(weight, score, off, into)
    return into


def test_the_equation_by_hand():
    weight = torch.tensor([2.0, 2.0, -2.0, -2.0, 2.0, 2.0])
    score = torch.tensor([0.1, -0.1, 0.1, -0.1, 0.0, math.nan])
    # A score of exactly zero, or one that is nan, is not above the threshold.
    assert effective_weight(weight, score, 0.0).tolist() == [2, 0, -2, 0, 0, 0]
    assert effective_weight(weight, score, -1.0).tolist() == [2, -2, -2, 2, -2, -2]


@pytest.mark.parametrize("off", [0.0, -1.0])
@pytest.mark.parametrize("flush", [True, False])
def test_the_fast_form_gives_the_same_bits(off, flush):
    """Nothing differs for nan: in both forms it is not above the threshold."""
    torch.set_flush_denormal(flush)
    pairs = torch.tensor([(w, s) for w in WEIGHTS for s in SCORES])
    for size in range(1, len(pairs) + 1):  # whole vectors, and what is left over
        weight, score = (column.contiguous() for column in pairs[:size].T)
        assert torch.equal(
            bits(fast(weight, score, off)), bits(effective_weight(weight, score, off))
        )
    generator = torch.Generator().manual_seed(0)
    weight, score = torch.randn(2, 3, 101, generator=generator)
    assert torch.equal(bits(fast(weight, score, off)), bits(effective_weight(weight, score, off)))
    torch.set_flush_denormal(True)


@pytest.mark.parametrize(("method", "off"), [(FREE_PRUNING, 0.0), (FREE_FLIPPING, -1.0)])
@pytest.mark.parametrize("threshold", [0.0, 0.03, -0.05])
def test_every_comparison_of_a_score_uses_the_one_threshold(
    method, off, threshold, trial, monkeypatch
):
    monkeypatch.setattr(_connections, "THRESHOLD", threshold)
    scores = [0.05, 0.03, 0.02, 0.0, -0.02, -0.05, -0.07, 1.0]
    weight = torch.arange(1.0, 9.0).view(1, 2, 4)
    layer = Layer("fc1", weight)
    layer.trained = torch.tensor(scores).view(1, 2, 4)
    layer.effective = torch.empty_like(weight)
    pack = Pack([trial()], None, [layer])
    method.rebuild(pack, layer)
    above = [torch.tensor(score) > threshold for score in scores]
    expected = torch.tensor([1.0 if keep else off for keep in above]).view(1, 2, 4)
    assert torch.equal(method.mask(pack, layer), expected)
    assert torch.equal(layer.effective, weight * expected)
    assert torch.equal(effective_weight(weight, layer.trained, off), weight * expected)
    assert method.kept(pack, layer).tolist() == [sum(above)]
