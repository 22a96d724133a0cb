"""Checkpoints of long trials: a trial that is killed continues to the same bits.

A checkpoint holds what is trained, the states of the optimiser and of the batch normalisations, and
the records so far; weights, initial scores and data order are drawn again from the seed. It is a
safetensors file, which cannot run code.

A checkpoint that was written under other conditions is ignored, because it would not lead to the
same bits. So is one that is damaged or inconsistent; all of it is checked before anything is
restored. (A forged checkpoint is accepted only if its digest is forged too. The results themselves
could be forged as easily.)
"""

import base64
import itertools
import json
import math
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Protocol

import pyarrow as pa
import safetensors.torch
import torch
from torch import Tensor

from studies.schemas import TABLES
from trainers import engines, runtime, tensor_digest
from trainers.methods import Method, Pack
from trainers.recording import Record, Row

#: Of a checkpoint's content; a checkpoint of another format is ignored.
_FORMAT = 4
#: Precedes each tensor's bytes in the digest.
_DIGEST_HEADER = "{name} {shape} {dtype} "


class CheckpointStore(Protocol):
    """Keeps the checkpoint of one pack, and says how often to write one.

    Attributes:
        continued_from: set to the epoch of the checkpoint that the pack continues from.
    """

    continued_from: int | None

    def load(self) -> bytes | None:
        """Return the checkpoint, None if there is none that is whole."""

    def save(self, content: bytes) -> None:
        """Replace the checkpoint."""

    def due(self) -> bool:
        """Return whether it is time for another checkpoint."""


class Stateful(Protocol):
    """An object whose state belongs in a checkpoint, such as an engine."""

    def state(self) -> dict[str, Tensor]:
        """Return its tensors by name."""


class Checkpoints:
    """Writes and restores the checkpoints of a pack.

    Args:
        checkpoint_store: where to keep them, or None for no checkpoints.
        pack: begun by its method before a checkpoint is restored.
        method: of all its trials.
        conditions: what must be equal for the bits to be equal, besides the library versions.
    """

    def __init__(
        self,
        checkpoint_store: CheckpointStore | None,
        pack: Pack,
        method: Method,
        **conditions: str,
    ) -> None:
        self._store, self._pack, self._method = checkpoint_store, pack, method
        trials = [trial.canonical for trial in pack.trials]
        threads = runtime.threads()
        self._conditions = {"trials": trials, "versions": runtime.versions(), "threads": threads}
        self._conditions |= {"format": _FORMAT, **conditions}
        self._records: list[Record] = []
        self._saved_epoch = 0

    @property
    def records(self) -> list[Record]:
        """The records up to the checkpoint; none where there was no checkpoint."""
        return list(self._records)

    def note(self, records: Iterable[Record]) -> list[Record]:
        """Remember an epoch's records for the next checkpoint, and return them."""
        new = list(records)
        if self._store:
            self._records += new
        return new

    def saving(self, records: Iterable[Record], engine: Stateful) -> Generator[Record]:
        """Yield an epoch's records; write a checkpoint if one is due or if the training stops here.

        The training stops when this generator is closed. No epoch is lost then.
        """
        new = self.note(records)
        if self._store and self._store.due():
            self.save(engine)
        try:
            yield from new
        except GeneratorExit:
            self.save(engine)
            raise

    def save(self, engine: Stateful) -> None:
        """Write a checkpoint of the last noted epoch, unless it has one or was the last of all.

        A pack of which a trial has ended is not kept, because the same pack is not planned again.
        """
        if not self._store or any(record.final for record in self._records):
            return
        epoch = self._records[-1].epoch["epoch"]
        if epoch == self._saved_epoch:
            return
        tensors = self._tensors() | _with_prefix(engine.state(), "engine.")
        content = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        about = {"epoch": epoch, "conditions": self._conditions, "records": self._plain()}
        content["about"] = _as_tensor(json.dumps(about).encode())
        digest = _as_tensor(_digest(content))
        self._store.save(safetensors.torch.save(content | {"digest": digest}))
        self._saved_epoch = epoch

    def restore(self) -> tuple[int, dict[str, Tensor]]:
        """Put the pack back into the state of its checkpoint.

        Returns:
            The epoch of the checkpoint, and the engine's state; 0 and an empty state if there is
            no checkpoint that fits.
        """
        content = self._store.load() if self._store else None
        if self._store is None or content is None:
            return 0, {}
        try:
            tensors = safetensors.torch.load(content)
            whole = bytes(tensors.pop("digest").numpy()) == _digest(tensors)
            about = json.loads(bytes(tensors.pop("about").numpy()))
            same = about["conditions"] == self._conditions
            if not (whole and same and self._are_records(**about) and self._fit(tensors)):
                return 0, {}
        except Exception:  # a file that is no checkpoint may hold anything: train from the start
            return 0, {}
        self._put(tensors, about["epoch"])
        self._records = [
            Record(self._pack.trials[r], epoch, layers, None, _decoded(masks))
            for r, epoch, layers, masks in about["records"]
        ]
        self._saved_epoch = self._store.continued_from = about["epoch"]
        return self._saved_epoch, _without_prefix(tensors, "engine.")

    def _plain(self) -> list[tuple[int, Row, list[Row], list[Row]]]:
        """The records for JSON, each with its replica's index."""
        index = {trial: r for r, trial in enumerate(self._pack.trials)}
        return [(index[r.trial], r.epoch, list(r.layers), _encoded(r.masks)) for r in self._records]

    def _are_records(self, epoch: int, records: list[Any], **_: Any) -> bool:
        """Whether records are complete and in order up to an epoch that was not the last."""
        replicas, layers = range(len(self._pack.trials)), range(len(self._pack.layers))
        epoch_rows = [row for _, row, _, _ in records]
        layer_rows = [row for record in records for row in record[2]]
        order = [(r, row["epoch"], [la["layer"] for la in rows]) for r, row, rows, _ in records]
        return (
            0 < epoch < sum(self._method.rounds(self._pack.trial))
            and order == [(r, e, [*layers]) for e in range(epoch + 1) for r in replicas]
            and [row["epoch"] for row in layer_rows] == [e for _, e, _ in order for _ in layers]
            and _recordable("epochs", epoch_rows)
            and _recordable("layers", layer_rows)
            and all(self._are_masks(row["epoch"], _decoded(m)) for _, row, _, m in records)
        )

    def _are_masks(self, epoch: int, rows: list[Row]) -> bool:
        """Whether rows are the masks of all layers after an epoch, or none."""
        shapes = [list(layer.weight.shape[1:]) for layer in self._pack.layers]
        all_layers = [
            (epoch, i, shape, -(-math.prod(shape) // 8)) for i, shape in enumerate(shapes)
        ]
        given = [(m["epoch"], m["layer"], m["shape"], len(m["kept"])) for m in rows]
        return given in ([], all_layers) and _recordable("masks", rows)

    def _fit(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether tensors have the names, shapes and types of this pack's and its engine's.

        It starts an engine to ask for its state, which may lay the pack's tensors out anew.
        """
        engine = engines.start(self._pack, self._method, steps=1)
        expected = _kinds(self._tensors() | _with_prefix(engine.state(), "engine."))
        norms = {
            f"{r}.{k}": v for r, n in enumerate(self._pack.norms) for k, v in n.state_dict().items()
        }
        weights = [layer.weight for layer in self._pack.layers]
        # A later round may have added these, each group whole or not at all.
        for added in (
            {f"layer.{i}.mask": weight for i, weight in enumerate(weights)},
            {f"layer.{i}.start": weight for i, weight in enumerate(weights)},
            _with_prefix(norms, "norms_start."),
        ):
            if added.keys() & tensors.keys():
                expected |= _kinds(added)
        return expected == _kinds(tensors)

    def _tensors(self) -> dict[str, Tensor]:
        """The pack's tensors that change in training."""
        tensors = {}
        for i, layer in enumerate(self._pack.layers):
            tensors[f"layer.{i}.trained"] = layer.trained
            tensors[f"layer.{i}.passes"] = torch.tensor(layer.steps)
            if layer.mask is not None:
                tensors[f"layer.{i}.mask"] = layer.mask
            if layer.start is not None:
                tensors[f"layer.{i}.start"] = layer.start
        for r, norms in enumerate(self._pack.norms):
            tensors |= _with_prefix(norms.state_dict(), f"norms.{r}.")
        for r, start in enumerate(self._pack.norms_start or ()):
            tensors |= _with_prefix(start, f"norms_start.{r}.")
        return tensors

    def _put(self, tensors: Mapping[str, Tensor], epoch: int) -> None:
        """Put the tensors of `_tensors` back into the pack."""
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
            norms.load_state_dict(_without_prefix(tensors, f"norms.{r}."))
        starts = [
            _without_prefix(tensors, f"norms_start.{r}.") for r in range(len(self._pack.norms))
        ]
        if any(starts):
            self._pack.norms_start = starts


def _recordable(table: str, rows: list[dict[str, Any]]) -> bool:
    """Whether rows of a table, without their keys, can be written to it."""
    columns = [column for column in TABLES[table] if column.name not in ("trial_id", "attempt")]
    made = pa.Table.from_pylist(rows, pa.schema(columns))
    return all(column.nullable or not made[column.name].null_count for column in columns)


def _encoded(masks: Iterable[Row]) -> list[Row]:
    """Rows of the table `masks` for JSON, which has no bytes."""
    return [row | {"kept": base64.b64encode(row["kept"]).decode()} for row in masks]


def _decoded(masks: Iterable[Row]) -> list[Row]:
    """Rows of the table `masks` from JSON."""
    return [row | {"kept": base64.b64decode(row["kept"], validate=True)} for row in masks]


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _digest(tensors: Mapping[str, Tensor]) -> bytes:
    """The digest of tensors, in the order of their names."""
    return tensor_digest.sha256(sorted(tensors.items()), _DIGEST_HEADER)


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names have the prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
