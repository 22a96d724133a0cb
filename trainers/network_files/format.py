"""Files of trained networks: a bit per connection where the rest can be drawn again.

It is a safetensors file, which cannot run code. Its tensors:

    <layer>.kept        uint8, a bit per connection in the order of the weights [outputs, inputs,
                        ...], 1 kept, packed as numpy.packbits does; for methods whose networks
                        follow from it and the weights as drawn
    <layer>.trained     float32, for other methods: the trained weights or the scores
    norm.<n>.<name>     batch normalisation's scale, shift and statistics
    input.mean          float32 [channels, height, width], subtracted from an image / white

Its metadata hold JSON under `network`: the trial (from which the weights are drawn), the data set,
the network's scores, a SHA-256 of the weights as drawn, which proves that they are drawn alike, and
a SHA-256 of the whole content.
"""

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from studies.errors import UserError
from studies.regular_files import regular
from studies.trial import Trial
from trainers import checking, methods, networks, packs, registry, runtime, tensor_digest
from trainers.datasets import Dataset
from trainers.network_files.trained import Trained
from trainers.networks import Network
from trainers.packs import Pack

#: Of a file's content; a file of a newer format is refused.
_FORMAT = 1
#: Precedes each tensor's bytes in a digest.
_DIGEST_HEADER = "{name} {dtype} {shape} "
#: Which of the trial's results are recorded.
_SCORES = ("outcome", "test_accuracy", "test_loss", "changed", "test_images")
#: The largest header that is read, in bytes; ours take a few kilobytes.
_MAX_HEADER = 2**24


@dataclass(frozen=True)
class Saved:
    """A trained network from a file.

    Attributes:
        trained: the result of training.
        network: the network that its trial names.
        about: the file's JSON: `dataset`, `fingerprint`, `shape`, `classes`, `white`, `std`, and
            `scores`, its results when it was trained.
        mean: of the input, float32 [channels, height, width].
    """

    trained: Trained
    network: Network
    about: Mapping[str, Any]
    mean: Tensor

    def normalised(self, data: Dataset) -> Dataset:
        """Return a data set, normalised as the one that the network was trained on."""
        mean = self.mean.numpy()
        return replace(data, mean=mean, std=self.about["std"], white=self.about["white"])

    def pack(self, device: str = "cpu") -> Pack:
        """Return the network with its weights, as a pack of one.

        Raises:
            UserError: this machine or version draws other weights than those it was trained with.
        """
        pack = self.trained.pack(self.network, torch.device(device))
        if _of_weights(pack) != self.about["weights_sha256"]:
            raise UserError(
                "the network's weights are drawn otherwise here than where it was trained; use the "
                f"version of untuned and of its libraries that wrote it ({self.about['versions']})"
            )
        return pack


def network_to_bytes(
    trained: Trained, pack: Pack, data: Dataset, scores: Mapping[str, Any]
) -> bytes:
    """Return a trained network's file.

    Args:
        trained: the network.
        pack: of this one replica, with its weights as drawn.
        data: the data set that it was trained on.
        scores: the trial's row of `trials`, from which a few figures are recorded.
    """
    names = [layer.name for layer in pack.layers]
    tensors = {f"norm.{name}": value for name, value in trained.norms.items()}
    tensors["input.mean"] = torch.from_numpy(data.mean)
    for name, kept in zip(names, trained.kept, strict=False):
        tensors[f"{name}.kept"] = torch.from_numpy(np.packbits(kept.numpy()))
    for name, value in zip(names, trained.trained, strict=False):
        tensors[f"{name}.trained"] = value.contiguous()
    about = {
        "format": _FORMAT,
        "trial": json.loads(trained.trial.canonical),
        "passes": list(trained.steps),
        "dataset": data.name,
        "fingerprint": data.fingerprint,
        "shape": list(data.shape),
        "classes": data.classes,
        "white": data.white,
        "std": data.std,
        "scores": {name: _plain(scores[name]) for name in _SCORES},
        "weights_sha256": _of_weights(pack),
        "versions": runtime.versions(),
    }
    about["sha256"] = _of_all(tensors, about)
    return safetensors.torch.save(tensors, {"network": json.dumps(about, allow_nan=False)})


def read_network(path: str | Path) -> Saved:
    """Read a trained network's file.

    Raises:
        UserError: it cannot be read, is damaged, or is no such file.
    """
    try:
        return network_from_bytes(regular(Path(path)).read_bytes())
    except OSError as error:
        raise UserError(f"network {path}: cannot be read ({error.strerror})") from None
    except UserError as error:
        raise UserError(f"network {path}: {error}") from None


def network_from_bytes(content: bytes) -> Saved:
    """Return the trained network that a file's bytes hold.

    All of it is checked before any weight is drawn or large memory allocated.

    Raises:
        UserError: the bytes are damaged, or not those of such a file.
    """
    try:
        about = json.loads(_metadata(content)["network"])
        if about["format"] > _FORMAT:
            raise UserError("written by a newer untuned; update this one")
        tensors = safetensors.torch.load(content)
        if _of_all(tensors, about) != about["sha256"]:
            raise UserError("damaged: it is not what was written; get it again")
        trial = _trial(about)
        network = networks.build(trial, tuple(about["shape"]), about["classes"])
        trained = _trained(trial, network, tensors, about)
        return Saved(trained, network, about, tensors["input.mean"])
    except UserError:
        raise
    except Exception:  # other files may hold anything
        raise UserError(
            "not a network that untuned can read, or damaged; give a .safetensors file from "
            "`untuned export` without --state-dict, or from `untuned train --save`"
        ) from None


def _trial(about: Mapping[str, Any]) -> Trial:
    """The trial, checked; the user's own data set need not be present."""
    recorded = Trial.from_mapping(about["trial"])
    own = {}
    for name in filter(None, (recorded.dataset, recorded.source)):
        try:
            registry.find("dataset", name)
        except UserError:
            own[name] = "folder:."
    checked = checking.check(replace(recorded, revisions=""), own)
    if checked != recorded:
        raise UserError(
            "a component of it has been corrected since, so results differ; train it again"
        )
    return checked


def _trained(
    trial: Trial, network: Network, tensors: Mapping[str, Tensor], about: Mapping[str, Any]
) -> Trained:
    """The result of training, from the file's tensors.

    Raises:
        ValueError: the tensors are not exactly those of the network.
    """
    by_mask = methods.load(trial).by_mask
    kind, dtype = ("kept", torch.uint8) if by_mask else ("trained", torch.float32)
    expected: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}
    for layer in network.layers:
        size = math.prod(layer.shape)
        expected[f"{layer.name}.{kind}"] = ((-(-size // 8),) if by_mask else layer.shape, dtype)
    norms = packs.norms(trial, network).state_dict()
    expected |= {f"norm.{name}": (tuple(v.shape), v.dtype) for name, v in norms.items()}
    expected["input.mean"] = (tuple(about["shape"]), torch.float32)
    if {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()} != expected:
        raise ValueError("tensors of another network")
    if len(about["passes"]) != len(network.layers):
        raise ValueError("steps of another network")
    by_layer = [tensors[f"{layer.name}.{kind}"] for layer in network.layers]
    shapes = [layer.shape for layer in network.layers]
    return Trained(
        trial,
        tuple(map(_unpacked, by_layer, shapes)) if by_mask else (),
        () if by_mask else tuple(by_layer),
        tuple(int(steps) for steps in about["passes"]),
        {name: tensors[f"norm.{name}"] for name in norms},
    )


def _unpacked(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """bool [*shape] from packed bits."""
    flat = np.unpackbits(bits.numpy(), count=math.prod(shape))
    return torch.from_numpy(flat.astype(bool)).view(shape)


def _metadata(content: bytes) -> Mapping[str, str]:
    """The metadata of a safetensors file; its library reads them from a disk only."""
    (size,) = struct.unpack("<Q", content[:8])
    if size > _MAX_HEADER:
        raise ValueError("no header of ours is so large")
    metadata: Mapping[str, str] = json.loads(content[8 : 8 + size])["__metadata__"]
    return metadata


def _of_weights(pack: Pack) -> str:
    """The digest of the weights as drawn, in the order of the layers."""
    return _digest((layer.name, layer.weight[0]) for layer in pack.layers)


def _of_all(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    """The digest of the tensors and of the JSON without this digest."""
    text = json.dumps({k: v for k, v in about.items() if k != "sha256"}, sort_keys=True)
    return hashlib.sha256((_digest(sorted(tensors.items())) + text).encode()).hexdigest()


def _digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    return tensor_digest.sha256(tensors, _DIGEST_HEADER).hex()


def _plain(value: Any) -> Any:
    """A figure for JSON, which has no infinities and no nan."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
