"""Damaged and hostile files of trained networks: refused in a line, or the network that it was."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
import safetensors.torch
import torch
from fuzz_support import amounts, damaged, refused

from studies.trial import Trial
from trainers import datasets, runtime
from trainers.loop import train
from trainers.network_files import format as network_format
from trainers.network_files.format import network_from_bytes
from trainers.recording import Keep

KINDS = {"dense": {}, "free-pruning": {}, "supermask": {}}


def file_of(method):
    runtime.settle()
    data = datasets.load("digits", datasets.Place("digits", Path()))
    plain = {"network": "lenet-6", "dataset": "digits", "weights": "he-normal", "seed": 1}
    trial = Trial(**plain, epochs=1, batch_size=200, method=method, **KINDS[method])
    return list(train([trial], data, keep=Keep(networks=True)))[-1].network


def opened(content):
    """The network's effective weights and what its file says; None where it is refused."""
    if refused(lambda: network_from_bytes(content).pack()):
        return None
    saved = network_from_bytes(content)
    return saved.about, [layer.effective.detach() for layer in saved.pack().layers]


@amounts(100, 6000)
@pytest.mark.parametrize("method", KINDS)
def test_damaged_bytes(cases, method):
    rng, content, ends = random.Random(7), file_of(method), Counter()
    whole = opened(content)
    for _ in range(cases):
        found = opened(damaged(rng, content))
        ends["refused" if found is None else "read"] += 1
        if found is not None:  # what was damaged had no meaning
            assert found[0] == whole[0]
            assert all(map(torch.equal, found[1], whole[1]))
    assert ends["refused"] > 0.7 * cases


HOSTILE = [
    {"network": "lenet-99999-99999"},
    {"width": 64.0, "network": "lenet-9999-9999"},
    {"network": "../../x"},
    {"method": "lottery-ticket", "density": 1e-6},
    {"seed": 2**64},
    {"seed": "1"},
    {"weights": "lognormal(sigma=1e308)"},
    {"x": 1},
]


@pytest.mark.parametrize("values", HOSTILE)
def test_trials_of_another_kind_under_their_own_hash(values):
    content = file_of("free-pruning")
    about = json.loads(network_format._metadata(content)["network"])
    about["trial"] |= values
    tensors = safetensors.torch.load(content)
    about["sha256"] = network_format._of_all(tensors, about)
    planted = safetensors.torch.save(tensors, {"network": json.dumps(about)})
    assert refused(lambda: network_from_bytes(planted).pack())
