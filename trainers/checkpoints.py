"""Checkpoints of long trials: one that is killed goes on to the same bits.

A checkpoint holds what is trained, what the optimiser and the batch normalisations know, and the
records so far; weights, scores and data order are drawn again from the seed. It is a safetensors
file, which cannot run code. One that was written under other conditions is passed over, since the
bits would be neither here nor there, and so is one that does not hold together: it is looked
through before anything is put in its place. (Only who forges its digest too gets his numbers in, as
he could into the results.)
"""

import base64
import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import pyarrow as pa
import safetensors.torch
import torch
from torch import Tensor

from studies.schemas import TABLES
from trainers import engines, runtime
from trainers.methods import Method, Pack
from trainers.recording import Record, Row

#: Of what a checkpoint holds; one of another format is passed over.
_FORMAT = 4


class CheckpointStore(Protocol):
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
        self, keeper: CheckpointStore | None, pack: Pack, method: Method, **conditions: str
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
        tensors = self._tensors() | _above(engine.state(), "engine.")
        flat = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        about = {"epoch": epoch, "conditions": self._conditions, "records": self._plain()}
        flat["about"] = _as_tensor(json.dumps(about).encode())
        self._keeper.save(safetensors.torch.save(flat | {"digest": _as_tensor(_digest(flat))}))
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
            whole = bytes(tensors.pop("digest").numpy()) == _digest(tensors)
            about = json.loads(bytes(tensors.pop("about").numpy()))
            ours = about["conditions"] == self._conditions
            if not (whole and ours and self._follow(**about) and self._fit(tensors)):
                return 0, {}
        except Exception:  # whatever a file that is no checkpoint may hold, the trials begin anew
            return 0, {}
        self._put(tensors, about["epoch"])
        self._records = [
            Record(self._pack.trials[r], epoch, layers, None, _decoded(masks))
            for r, epoch, layers, masks in about["records"]
        ]
        self._saved = self._keeper.continued_from = about["epoch"]
        return self._saved, _below(tensors, "engine.")

    def _plain(self) -> list[tuple[int, Row, list[Row], list[Row]]]:
        index = {trial: r for r, trial in enumerate(self._pack.trials)}
        return [(index[r.trial], r.epoch, list(r.layers), _encoded(r.masks)) for r in self._records]

    def _follow(self, epoch: int, records: list[Any], **_: Any) -> bool:
        """Whether records are those of all epochs up to one that was not the last, one by one."""
        layers, rows = range(len(self._pack.layers)), [row for _, row, _, _ in records]
        found = [(r, row["epoch"], [la["layer"] for la in inside]) for r, row, inside, _ in records]
        replicas = range(len(self._pack.trials))
        inside = [row for record in records for row in record[2]]
        return (
            0 < epoch < sum(self._method.rounds(self._pack.trial))
            and found == [(r, e, [*layers]) for e in range(epoch + 1) for r in replicas]
            and [row["epoch"] for row in inside] == [e for _, e, _ in found for _ in layers]
            and _recordable("epochs", rows)
            and _recordable("layers", inside)
            and all(self._are_masks(row["epoch"], _decoded(m)) for _, row, _, m in records)
        )

    def _are_masks(self, epoch: int, rows: list[Row]) -> bool:
        """Whether rows are the masks of all layers after an epoch, or none."""
        shapes = [list(layer.weight.shape[1:]) for layer in self._pack.layers]
        whole = [(epoch, i, shape, -(-math.prod(shape) // 8)) for i, shape in enumerate(shapes)]
        found = [(m["epoch"], m["layer"], m["shape"], len(m["kept"])) for m in rows]
        return found in ([], whole) and _recordable("masks", rows)

    def _fit(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether tensors are those of this pack and its engine, by name, shape and type."""
        engine = engines.start(self._pack, self._method, steps=1)
        wanted = _kinds(self._tensors() | _above(engine.state(), "engine."))
        norms = {
            f"{r}.{k}": v for r, n in enumerate(self._pack.norms) for k, v in n.state_dict().items()
        }
        weights = [layer.weight for layer in self._pack.layers]
        # What a later round may have brought, whole or not at all.
        for later in (
            {f"layer.{i}.mask": weight for i, weight in enumerate(weights)},
            {f"layer.{i}.start": weight for i, weight in enumerate(weights)},
            _above(norms, "norms_start."),
        ):
            if later.keys() & tensors.keys():
                wanted |= _kinds(later)
        return wanted == _kinds(tensors)

    def _tensors(self) -> dict[str, Tensor]:
        """What of the pack changes in training."""
        found = {}
        for i, layer in enumerate(self._pack.layers):
            found[f"layer.{i}.trained"] = layer.trained
            found[f"layer.{i}.passes"] = torch.tensor(layer.steps)
            if layer.mask is not None:
                found[f"layer.{i}.mask"] = layer.mask
            if layer.start is not None:
                found[f"layer.{i}.start"] = layer.start
        for r, norms in enumerate(self._pack.norms):
            found |= {f"norms.{r}.{name}": value for name, value in norms.state_dict().items()}
        for r, start in enumerate(self._pack.norms_start or ()):
            found |= {f"norms_start.{r}.{name}": value for name, value in start.items()}
        return found

    def _put(self, tensors: Mapping[str, Tensor], epoch: int) -> None:
        ends = itertools.accumulate(self._method.rounds(self._pack.trial))
        self._pack.round = next(number for number, end in enumerate(ends) if epoch <= end)
        for i, layer in enumerate(self._pack.layers):
            layer.trained.copy_(tensors[f"layer.{i}.trained"])
            layer.steps = int(tensors[f"layer.{i}.passes"])
            for name in ("mask", "start"):
                value = tensors.get(f"layer.{i}.{name}")
                setattr(layer, name, None if value is None else value.to(layer.weight.device))
            self._method.rebuild(self._pack, layer)
        for r, norms in enumerate(self._pack.norms):
            norms.load_state_dict(_below(tensors, f"norms.{r}."))
        starts = [_below(tensors, f"norms_start.{r}.") for r in range(len(self._pack.norms))]
        if any(starts):
            self._pack.norms_start = starts


def _recordable(table: str, rows: list[dict[str, Any]]) -> bool:
    """Whether rows of a table, without their keys, can be written to it."""
    columns = [about for about in TABLES[table] if about.name not in ("trial_id", "attempt")]
    made = pa.Table.from_pylist(rows, pa.schema(columns))
    return all(about.nullable or not made[about.name].null_count for about in columns)


def _encoded(masks: Iterable[Row]) -> list[Row]:
    """Rows of the table `masks` for JSON, which has no word for bytes."""
    return [row | {"kept": base64.b64encode(row["kept"]).decode()} for row in masks]


def _decoded(masks: Iterable[Row]) -> list[Row]:
    """Rows of the table `masks` from JSON."""
    return [row | {"kept": base64.b64decode(row["kept"], validate=True)} for row in masks]


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _digest(tensors: Mapping[str, Tensor]) -> bytes:
    """The SHA-256 of tensors with their names, shapes and types; they lie on the CPU."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.digest()


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _above(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under names that begin so."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
