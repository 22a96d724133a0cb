"""The digests are frozen: they are inside files that stay readable."""

import hashlib
import struct

import torch

from trainers import checkpoints, tensor_digest
from trainers.network_files import format as network_format

TENSORS = {"b": torch.tensor([[1.0, -2.0]]), "a": torch.tensor([3], dtype=torch.uint8)}


def test_by_hand():
    content = b"b (1, 2) torch.float32 " + struct.pack("<2f", 1, -2) + b"a (1,) torch.uint8 \x03"
    digest = tensor_digest.sha256(TENSORS.items(), "{name} {shape} {dtype} ")
    assert digest == hashlib.sha256(content).digest()


def test_the_digests_of_both_file_formats_are_frozen():
    assert checkpoints._digest(TENSORS).hex() == (
        "b86c73f9dc986b761679348c14454a44f9341482752fc6e53b4beeaf550f25c5"
    )
    assert network_format._digest(TENSORS.items()) == (
        "055c329fa1bcb57cf8d62d0df36069d76cb2c3ce655e99bb4fa4633a451c8478"
    )
    assert network_format._digest(sorted(TENSORS.items())) == (
        "ed87772d9cd4f459d5b445258b5054eb0e6b0e2a11324bd4cef768beb1de92a3"
    )


def test_a_view_counts_as_its_values():
    turned = torch.arange(6.0).view(2, 3).T
    assert not turned.is_contiguous()
    view, copy = (tensor_digest.sha256([("x", x)], "") for x in (turned, turned.contiguous()))
    assert view == copy
