"""Checkpoints of long trials: one that is killed goes on to the same bits.

A checkpoint holds what is trained, what the optimiser and the batch normalisations know, and the
records so far; weights, scores and data order are drawn again from the seed. It is a safetensors
file, which cannot run code. One that was written under other conditions is passed over, since the
bits would be neither here nor there.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from trainers import runtime
from trainers.methods import Method, Pack
from trainers.recording import Record

#: Of what a checkpoint holds; one of another format is passed over.
_FORMAT = 2


class Keeper(Protocol):
    """Where the checkpoint of one pack is kept, and how often one is wanted.

    Attributes:
        continued_from: is told the epoch of the checkpoint that the pack goes on from.
    """

    continued_from: int | None

    def load(self) -> bytes | None:
        """The checkpoint, None if there is none that is whole."""

    def save(self, content: bytes) -> None:
        """Replace the checkpoint."""

    def due(self) -> bool:
        """Whether it is time for another one."""


class Stateful(Protocol):
    """What knows of the training beside the pack."""

    def state(self) -> dict[str, Tensor]:
        """By name."""


class Checkpoints:
    """Takes and restores the checkpoints of a pack.

    Args:
        keeper: where to, or None for no checkpoints.
        pack: begun by its method.
        method: of all its trials.
        conditions: what must be the same for the bits to be the same, beside library versions.
    """

    def __init__(
        self, keeper: Keeper | None, pack: Pack, method: Method, **conditions: str
    ) -> None:
        self._keeper, self._pack, self._method = keeper, pack, method
        trials = [trial.canonical for trial in pack.trials]
        threads = runtime.threads()
        self._conditions = {"trials": trials, "versions": runtime.versions(), "threads": threads}
        self._conditions |= {"format": _FORMAT, **conditions}
        self._records: list[Record] = []
        self._saved = 0

    @property
    def records(self) -> list[Record]:
        """The records up to the checkpoint; none where there was no checkpoint."""
        return list(self._records)

    def note(self, records: Iterable[Record]) -> list[Record]:
        """Remember an epoch's records for the next checkpoint, and give them back."""
        new = list(records)
        if self._keeper:
            self._records += new
        return new

    def save_if_due(self, engine: Stateful) -> None:
        """Write a checkpoint if it is time for one."""
        if self._keeper and self._keeper.due():
            self.save(engine)

    def save(self, engine: Stateful) -> None:
        """Write a checkpoint of the last epoch that was noted, unless it has one or was the last.

        A pack of which a trial has ended is not kept: it would not be planned again as it is.
        """
        if not self._keeper or any(record.final for record in self._records):
            return
        epoch = self._records[-1].epoch["epoch"]
        if epoch == self._saved:
            return
        about = {"epoch": epoch, "conditions": self._conditions, "records": self._plain()}
        written = torch.frombuffer(bytearray(json.dumps(about).encode()), dtype=torch.uint8)
        tensors = self._tensors() | {f"engine.{k}": v for k, v in engine.state().items()}
        flat = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        self._keeper.save(safetensors.torch.save(flat | {"about": written}))
        self._saved = epoch

    def restore(self) -> tuple[int, dict[str, Tensor]]:
        """Put the pack back into the state of its checkpoint.

        Returns:
            The epoch after which it was taken, and what the engine knew; 0 and nothing if there
            is no checkpoint that fits.
        """
        content = self._keeper.load() if self._keeper else None
        if self._keeper is None or content is None:
            return 0, {}
        try:
            tensors = safetensors.torch.load(content)
            about = json.loads(bytes(tensors.pop("about").numpy()))
        except (SafetensorError, KeyError, ValueError):
            return 0, {}
        missing = self._tensors().keys() - tensors.keys()
        if missing or about.get("conditions") != self._conditions:
            return 0, {}
        self._put(tensors)
        self._records = [
            Record(self._pack.trials[r], epoch, layers, None)
            for r, epoch, layers in about["records"]
        ]
        self._saved = self._keeper.continued_from = about["epoch"]
        return self._saved, _below(tensors, "engine.")

    def _plain(self) -> list[tuple[int, dict[str, Any], list[dict[str, Any]]]]:
        index = {trial: r for r, trial in enumerate(self._pack.trials)}
        return [(index[r.trial], r.epoch, list(r.layers)) for r in self._records]

    def _tensors(self) -> dict[str, Tensor]:
        """What of the pack changes in training."""
        found = {}
        for i, layer in enumerate(self._pack.layers):
            found[f"layer.{i}.trained"] = layer.trained
            found[f"layer.{i}.passes"] = torch.tensor(layer.passes)
            if layer.mask is not None:
                found[f"layer.{i}.mask"] = layer.mask
            if layer.start is not None:
                found[f"layer.{i}.start"] = layer.start
        for r, norms in enumerate(self._pack.norms):
            found |= {f"norms.{r}.{name}": value for name, value in norms.state_dict().items()}
        for r, start in enumerate(self._pack.norms_start or ()):
            found |= {f"norms_start.{r}.{name}": value for name, value in start.items()}
        return found

    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for i, layer in enumerate(self._pack.layers):
            layer.trained.copy_(tensors[f"layer.{i}.trained"])
            layer.passes = int(tensors[f"layer.{i}.passes"])
            for name in ("mask", "start"):
                value = tensors.get(f"layer.{i}.{name}")
                setattr(layer, name, None if value is None else value.to(layer.weight.device))
            self._method.rebuild(self._pack, layer)
        for r, norms in enumerate(self._pack.norms):
            norms.load_state_dict(_below(tensors, f"norms.{r}."))
        starts = [_below(tensors, f"norms_start.{r}.") for r in range(len(self._pack.norms))]
        if any(starts):
            self._pack.norms_start = starts


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
