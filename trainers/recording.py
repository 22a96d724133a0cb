"""Turns the state of a pack after an epoch into the rows of the results' tables."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from studies.schemas import FIGURES
from studies.trial import Trial
from trainers.batches import Batches
from trainers.fates import fates
from trainers.methods import Layer, Method, Pack

Row = dict[str, Any]
_MEANS = ("loss", "accuracy")
#: The columns that `_counts` fills.
_COUNTS = tuple(
    f"{what}_{kind}" for what in ("mask", "effective") for kind in ("negative", "zero", "positive")
)
#: How many times as many images a GPU evaluates at once as a CPU.
_ON_GPU = 8


@dataclass(frozen=True)
class Record:
    """One trial after one epoch.

    Attributes:
        trial: the trial.
        epoch: its row of the table `epochs`, without keys.
        layers: its rows of the table `layers`, without keys.
        final: after the last epoch the columns of `trials` that tell what came out, else None.
    """

    trial: Trial
    epoch: Row
    layers: Sequence[Row]
    final: Row | None


@dataclass(frozen=True)
class _Evaluation:
    """A split evaluated: loss and accuracy [R], correct [R, N], constant [R] (all logits alike)."""

    loss: Tensor
    accuracy: Tensor
    correct: Tensor
    constant: Tensor


class Recorder:
    """Evaluates a pack after each epoch and says when a trial has come to its end.

    Args:
        pack: the pack.
        method: of all its trials.
        batches: of its data set.
        engine: the name of the engine, to be recorded.
    """

    def __init__(self, pack: Pack, method: Method, batches: Batches, engine: str) -> None:
        self._pack, self._method, self._batches, self._engine = pack, method, batches, engine
        self._last = sum(method.rounds(pack.trial))
        self._running = set(range(len(pack.trials)))

    @property
    def finished(self) -> bool:
        """Whether every trial has had its last record."""
        return not self._running

    def untrained(self) -> Iterator[Record]:
        """The records of epoch 0: the training figures are those of the untrained network."""
        return self._record(0, None, 0.0)

    def trained(
        self, epoch: int, answers: Sequence[tuple[Tensor, Tensor]], started: float
    ) -> Iterator[Record]:
        """The records of an epoch.

        Args:
            epoch: from 1.
            answers: of its steps, logits [R, B, classes] and labels [R, B].
            started: when its training began, by `time.perf_counter`.
        """
        logits, labels = (torch.cat(both, dim=1) for both in zip(*answers, strict=True))
        running = torch.stack([_losses(logits, labels), _correct(logits, labels)])
        running = running.double().mean(dim=2).cpu()  # waits for a GPU: its seconds are training's
        return self._record(epoch, running, time.perf_counter() - started)

    def _record(self, epoch: int, running: Tensor | None, seconds: float) -> Iterator[Record]:
        started = time.perf_counter()
        validation, test = self._evaluate("validation"), self._evaluate("test")
        full = self._evaluate("train") if epoch in (0, self._last) else None
        expected = self._expected()
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
        diverged = self._diverged(figures)
        ending = {r for r in self._running if epoch == self._last or diverged[r]}
        by_layer = [self._layer(epoch, layer, ending) for layer in self._pack.layers]
        taken = {"train_seconds": seconds, "evaluation_seconds": time.perf_counter() - started}
        for r in sorted(self._running):
            layers = [rows[r] for rows in by_layer]
            row = {k: None if v is None else float(v[r]) for k, v in figures.items()}
            row |= {"epoch": epoch, "changed": _changed(layers)} | taken
            final = None
            if r in ending:
                self._running.discard(r)
                outcome = "dead" if test.constant[r] else "completed"
                outcome = "diverged" if diverged[r] else outcome
                final = self._final(row, outcome, test.correct[r])
            yield Record(self._pack.trials[r], row, layers, final)

    def _final(self, row: Row, outcome: str, correct: Tensor) -> Row:
        return {name: row[name] for name in FIGURES} | {
            "outcome": outcome,
            "last_epoch": row["epoch"],
            "test_images": len(correct),
            "test_correct": np.packbits(correct.cpu().numpy()).tobytes(),
            "dataset_fingerprint": self._batches.data.fingerprint,
            "classes": self._batches.data.classes,
            "engine": self._engine,
        }

    def _layer(self, epoch: int, layer: Layer, ending: Collection[int]) -> dict[int, Row]:
        """A layer's row for each trial that is running, with histograms where it ends."""
        mask = self._method.mask(self._pack, layer)
        about = {"epoch": epoch, "layer": layer.index, "layer_name": layer.name}
        about["connections"] = layer.weight[0].numel()
        counts = _counts(layer, mask).T.tolist()
        rows = {r: about | dict(zip(_COUNTS, counts[r], strict=True)) for r in self._running}
        if ending:
            scores = self._method.scores(self._pack, layer)
            for r in ending:
                weights = layer.trained if scores[r] is None else layer.weight
                rows[r] |= fates(weights[r], mask[r] > 0, scores[r])
        return rows

    def _diverged(self, figures: dict[str, Tensor | None]) -> list[bool]:
        """Whether a loss or anything that is trained is no longer finite, per replica."""
        losses = [v for name, v in figures.items() if name.endswith("_loss") and v is not None]
        finite = torch.stack([loss.isfinite() for loss in losses]).all(dim=0)
        for layer in self._pack.layers:
            # A score that is not a number leaves its weight as it is: the loss alone won't tell.
            finite &= layer.trained.flatten(1).isfinite().all(dim=1).cpu()
        return [not ok for ok in finite.tolist()]

    @torch.no_grad()
    def _expected(self) -> _Evaluation | None:
        """The test set under the expected mask, for methods whose masks are random."""
        if not self._method.expected(self._pack):
            return None
        found = self._pass("test")
        for layer in self._pack.layers:
            self._method.rebuild(self._pack, layer)
        return found

    @torch.no_grad()
    def _evaluate(self, split: str) -> _Evaluation:
        """A split, averaged over the states that the method is evaluated in."""
        found = [self._pass(split) for _ in self._method.evaluated(self._pack)]
        if len(found) == 1:
            return found[0]
        # One by one: the order of a sum over the states must not depend on the pack's size.
        loss, accuracy = (sum(getattr(f, n) for f in found) / len(found) for n in _MEANS)
        constant = torch.stack([f.constant for f in found]).all(dim=0)
        return _Evaluation(loss, accuracy, found[0].correct, constant)

    def _pass(self, split: str) -> _Evaluation:
        """A split under the weights as they are."""
        size = self._pack.network.evaluation_batch
        if self._pack.layers[0].weight.is_cuda:
            size *= _ON_GPU
        batches = self._batches.evaluation(split, size)
        self._pack.evaluating(True)
        answers = [(self._pack.logits(images), labels) for images, labels in batches]
        self._pack.evaluating(False)
        logits = torch.cat([logits for logits, _ in answers], dim=1)
        labels = torch.cat([labels for _, labels in answers]).expand(logits.shape[:2])
        loss, correct = _losses(logits, labels), _correct(logits, labels)
        constant = (logits.amin(dim=1) == logits.amax(dim=1)).all(dim=1)
        return _Evaluation(
            loss.double().mean(dim=1), correct.double().mean(dim=1), correct, constant
        )


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each image, [R, N], from logits [R, N, classes] and labels [R, N]."""
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view(labels.shape)


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Whether each image is classified correctly, [R, N]; of equal logits the first counts."""
    return logits.argmax(dim=2) == labels


def _counts(layer: Layer, mask: Tensor) -> Tensor:
    """How many are below, at and above zero: of the mask, then of the effective weights; [6, R]."""
    rows = []
    for values in (mask.flatten(1), layer.effective.detach().flatten(1)):
        below, above = (values < 0).sum(dim=1), (values > 0).sum(dim=1)
        rows += [below, values.shape[1] - below - above, above]
    return torch.stack(rows).cpu()


def _changed(layers: Sequence[Row]) -> float:
    """The fraction of all connections that are pruned or flipped."""
    changed = sum(row["mask_zero"] + row["mask_negative"] for row in layers)
    return float(changed / sum(row["connections"] for row in layers))
