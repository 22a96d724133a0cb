"""Turns the state of a pack after an epoch into the rows of the results' tables."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studies.schemas import FIGURES
from studies.trial import Trial
from trainers.batches import Batches
from trainers.measures.effective_size import LiveSearch, effective_sizes, search
from trainers.measures.evaluation import (
    Evaluation,
    Observer,
    correct,
    evaluate,
    evaluate_once,
    evaluate_start,
    losses,
)
from trainers.measures.histograms import histograms
from trainers.measures.mask_controls import controls
from trainers.methods import Layer, Method, Pack
from trainers.methods._traits import traits_of_method
from trainers.network_files.format import network_to_bytes
from trainers.network_files.trained import Trained
from trainers.networks import Network

Row = dict[str, Any]
#: The columns that `_sign_counts` fills.
_SIGN_COUNTS = tuple(
    f"{what}_{sign}" for what in ("mask", "effective") for sign in ("negative", "zero", "positive")
)


@dataclass(frozen=True)
class Keep:
    """What is kept of a trial beside its figures.

    Attributes:
        masks: whether the final masks are kept.
        every: epochs between masks that are kept as well; 0 keeps the final masks alone.
        networks: whether the trained network is kept.
    """

    masks: bool = False
    every: int = 0
    networks: bool = False

    def keeps_masks(self, epoch: int, *, last: bool) -> bool:
        """Return whether the masks of an epoch are kept."""
        return self.masks and (last or bool(self.every and epoch % self.every == 0))


@dataclass(frozen=True)
class Record:
    """One trial after one epoch.

    Attributes:
        trial: the trial.
        epoch: its row of the table `epochs`, without keys.
        layers: its rows of the table `layers`, without keys.
        final: after the last epoch its columns of `trials` that hold the results, else None.
        masks: its rows of the table `masks`, without keys, if they are kept.
        network: after the last epoch the trained network's file, if it is kept.
    """

    trial: Trial
    epoch: Row
    layers: Sequence[Row]
    final: Row | None
    masks: Sequence[Row] = ()
    network: bytes | None = None


class Recorder:
    """Evaluates a pack after each epoch, and decides when a trial has ended.

    Args:
        pack: the pack.
        method: of all its trials.
        stages: batches of the data sets that it is trained on one after another, one or two.
        engine: the name of the engine, which is recorded.
        keep: what is kept beside the figures.
    """

    def __init__(
        self, pack: Pack, method: Method, stages: Sequence[Batches], engine: str, keep: Keep
    ) -> None:
        self._pack, self._method, self._engine, self._keep = pack, method, engine, keep
        self._stages = stages
        self._last = sum(method.rounds(pack.trial))
        self._running = set(range(len(pack.trials)))
        self._random = any(traits_of_method(trial).random_mask for trial in pack.trials)

    @property
    def finished(self) -> bool:
        """Whether every trial has had its last record."""
        return not self._running

    def before_training(self) -> Iterator[Record]:
        """Yield the records of epoch 0, whose training figures are those before any step."""
        return self._record(0, self._stages[0], None, 0.0)

    def after_epoch(
        self,
        epoch: int,
        batches: Batches,
        outputs: Sequence[tuple[Tensor, Tensor]],
        started: float,
    ) -> Iterator[Record]:
        """Yield the records of an epoch.

        Args:
            epoch: from 1.
            batches: of the data set that it was trained on.
            outputs: logits [R, B, classes] and labels [R, B] of each of its steps.
            started: when its training began, by `time.perf_counter`.
        """
        logits, labels = (torch.cat(both, dim=1) for both in zip(*outputs, strict=True))
        running = torch.stack([losses(logits, labels), correct(logits, labels)])
        # Waiting for a GPU here counts its seconds as training's.
        running = running.double().mean(dim=2).cpu()
        return self._record(epoch, batches, running, time.perf_counter() - started)

    def _record(
        self, epoch: int, batches: Batches, running: Tensor | None, seconds: float
    ) -> Iterator[Record]:
        """Evaluate all replicas, and yield the records of those that have not ended before."""
        started = time.perf_counter()
        deployed = self._method.deployed(self._pack)
        figures, test, live = self._figures(epoch, batches, running)
        diverged = self._diverged(figures)
        ending = {r for r in self._running if epoch == self._last or diverged[r]}
        masks = [self._method.mask(self._pack, layer) for layer in self._pack.layers]
        by_layer = [
            self._layer(epoch, layer, mask, ending)
            for layer, mask in zip(self._pack.layers, masks, strict=True)
        ]
        finite = [r for r in ending if not diverged[r]]
        if finite and live:
            if self._random:
                search(self._pack, batches, live)
            sizes = effective_sizes(self._pack, live, masks)
            for rows, layer_sizes in zip(by_layer, sizes, strict=True):
                for r in finite:
                    rows[r] |= layer_sizes[r]
        if deployed:  # what remains is to go on with training
            self._rebuild()
        durations = {
            "train_seconds": seconds,
            "evaluation_seconds": time.perf_counter() - started,
        }
        for r in sorted(self._running):
            layers = [rows[r] for rows in by_layer]
            row = {k: None if v is None else float(v[r]) for k, v in figures.items()}
            row |= {"epoch": epoch, "changed": _changed(layers)} | durations
            keep_masks = self._keep.keeps_masks(epoch, last=r in ending)
            kept_masks = [
                _mask_row(epoch, layer, mask[r])
                for layer, mask in zip(self._pack.layers, masks, strict=True)
                if keep_masks
            ]
            final, network = None, None
            if r in ending:
                self._running.discard(r)
                outcome = "dead" if test.constant[r] else "completed"
                outcome = "diverged" if diverged[r] else outcome
                final, network = self._final(r, batches, row, layers, outcome, test.correct[r])
            yield Record(self._pack.trials[r], row, layers, final, kept_masks, network)

    def _figures(
        self, epoch: int, batches: Batches, running: Tensor | None
    ) -> tuple[dict[str, Tensor | None], Evaluation, LiveSearch | None]:
        """Evaluate all replicas.

        Returns:
            The figures that are recorded, [R] each, None where one is not measured; the evaluation
            of the test set; after the last epoch the search for live connections.
        """
        validation, test = (self._evaluate(epoch, batches, s) for s in ("validation", "test"))
        # The last look at the training images also finds the live connections.
        live = LiveSearch(self._pack, batches) if epoch == self._last else None
        full = None
        if epoch in (0, self._last):
            full = self._evaluate(epoch, batches, "train", None if self._random else live)
        expected = self._expected(batches)
        train = torch.stack([full.loss, full.accuracy]) if running is None and full else running
        assert train is not None  # noqa: S101  (epoch 0 is evaluated in full)
        on_device = {
            "train_loss": train[0],
            "train_accuracy": train[1],
            "train_full_loss": full.loss if full else None,
            "train_full_accuracy": full.accuracy if full else None,
            "validation_loss": validation.loss,
            "validation_accuracy": validation.accuracy,
            "test_loss": test.loss,
            "test_accuracy": test.accuracy,
            "penalty_loss": self._method.penalty(self._pack),
            "expected_test_accuracy": expected.accuracy if expected else None,
        }
        figures = {name: None if v is None else v.cpu() for name, v in on_device.items()}
        return figures, test, live

    def _final(
        self,
        r: int,
        batches: Batches,
        row: Row,
        layers: Sequence[Row],
        outcome: str,
        right: Tensor,
    ) -> tuple[Row, bytes | None]:
        """The results of a replica, and its network's file if it is kept."""
        alone = self._pack.replicas(slice(r, r + 1))
        trained = Trained.of(alone)
        *source, target = (stage.data.fingerprint for stage in self._stages)
        final = {name: row[name] for name in FIGURES} | {
            "outcome": outcome,
            "last_epoch": row["epoch"],
            "test_images": len(right),
            "test_correct": np.packbits(right.cpu().numpy()).tobytes(),
            "dataset_fingerprint": target,  # even if it diverged on the source
            "source_fingerprint": source[0] if source else None,
            "classes": batches.data.classes,
            "engine": self._engine,
        }
        final |= asdict(traits_of_method(self._pack.trials[r]))
        final["multiply_adds"] = _multiply_adds(self._pack.network, layers)
        if outcome != "diverged":
            final |= controls(trained, alone, batches.alone(r))
        if not self._keep.networks:
            return final, None
        return final, network_to_bytes(trained, alone, batches.data, final)

    def _layer(
        self, epoch: int, layer: Layer, mask: Tensor, ending: Collection[int]
    ) -> dict[int, Row]:
        """A layer's row for each trial that is running, with histograms where it ends."""
        common = {"epoch": epoch, "layer": layer.index, "layer_name": layer.name}
        common["connections"] = layer.weight[0].numel()
        counts = _sign_counts(layer, mask).T.tolist()
        rows = {r: common | dict(zip(_SIGN_COUNTS, counts[r], strict=True)) for r in self._running}
        if ending:
            scores = self._method.scores(self._pack, layer)
            for r in ending:
                weights = layer.trained if scores[r] is None else layer.weight
                rows[r] |= histograms(weights[r], mask[r] > 0, scores[r])
        return rows

    def _diverged(self, figures: dict[str, Tensor | None]) -> list[bool]:
        """Whether a loss or anything that is trained is no longer finite, per replica."""
        losses = [v for name, v in figures.items() if name.endswith("_loss") and v is not None]
        finite = torch.stack([loss.isfinite() for loss in losses]).all(dim=0)
        for layer in self._pack.layers:
            # A score that is nan gives a finite effective weight, so the loss need not show it.
            finite &= layer.trained.flatten(1).isfinite().all(dim=1).cpu()
        return [not ok for ok in finite.tolist()]

    @torch.no_grad()
    def _expected(self, batches: Batches) -> Evaluation | None:
        """The test set under the expected mask, for methods whose masks are random."""
        if not self._method.expected(self._pack):
            return None
        evaluation = evaluate_once(self._pack, batches, "test")
        self._rebuild()
        return evaluation

    def _rebuild(self) -> None:
        """Put the pack back into the state of a training step."""
        for layer in self._pack.layers:
            self._method.rebuild(self._pack, layer)

    def _evaluate(
        self, epoch: int, batches: Batches, split: str, observer: Observer | None = None
    ) -> Evaluation:
        if epoch == 0 and observer is None:
            return evaluate_start(self._pack, self._method, batches, split)
        return evaluate(self._pack, self._method, batches, split, observer)


def _mask_row(epoch: int, layer: Layer, mask: Tensor) -> Row:
    """A replica's row of the table `masks`."""
    return {
        "epoch": epoch,
        "layer": layer.index,
        "layer_name": layer.name,
        "shape": list(mask.shape),
        "kept": np.packbits((mask > 0).cpu().numpy()).tobytes(),
    }


def _sign_counts(layer: Layer, mask: Tensor) -> Tensor:
    """How many are below, at and above zero: of the mask, then of the effective weights; [6, R]."""
    rows = []
    for values in (mask.flatten(1), layer.effective.detach().flatten(1)):
        below, above = (values < 0).sum(dim=1), (values > 0).sum(dim=1)
        rows += [below, values.shape[1] - below - above, above]
    return torch.stack(rows).cpu()


def _multiply_adds(network: Network, layers: Sequence[Row]) -> int | None:
    """The multiply-adds of an image's forward pass that the masks leave; None if not known."""
    total = 0
    for row, shape in zip(layers, network.layers, strict=True):
        if shape.positions is None:
            return None
        total += (row["connections"] - row["mask_zero"]) * shape.positions
    return total


def _changed(layers: Sequence[Row]) -> float:
    """The fraction of all connections that are pruned or flipped."""
    changed = sum(row["mask_zero"] + row["mask_negative"] for row in layers)
    return float(changed / sum(row["connections"] for row in layers))
