"""Each replica has the bits that it has alone, wherever its values lie in memory."""

import pytest
import torch

from trainers.methods._replicas import elementwise, sums


@pytest.mark.parametrize("size", [1, 7, 100, 1003])
@pytest.mark.parametrize("function", [torch.sigmoid, torch.log, torch.exp])
def test_values_in_a_pack_are_those_alone(function, size):
    values = torch.rand(5, size, generator=torch.Generator().manual_seed(size)).add_(0.01)
    together = elementwise(function, values)
    for r in range(5):
        assert torch.equal(together[r : r + 1], elementwise(function, values[r : r + 1].clone()))
        assert torch.allclose(together[r], function(values[r]))


@pytest.mark.parametrize("size", [1, 7, 100, 100_003])
def test_sums_in_a_pack_are_those_alone(size):
    values = torch.rand(3, size, generator=torch.Generator().manual_seed(size))
    together = sums(values)
    for r in range(3):
        assert torch.equal(together[r : r + 1], sums(values[r : r + 1].clone()))
    assert sums(torch.tensor([[1.0, 2.0], [3.0, -1.0]])).tolist() == [3.0, 2.0]
