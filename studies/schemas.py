"""The Arrow schemas of the results' tables.

Version 1. A nullable column may be added under the same version; anything else raises it, and a
reader refuses results of a version newer than its own. The columns of `PROVENANCE` tell where and
how a trial ran; all others are science: the same trial has the same values to the bit, wherever
and however often it runs under the same engine and library versions on a CPU.
"""

import pyarrow as pa

from studies.traits import TRAITS
from studies.trial import FIELDS, REQUIRED

VERSION = 1

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


def _schema(*columns: pa.Field) -> pa.Schema:
    return pa.schema(columns, metadata={"untuned.schema": str(VERSION)})


_KEY = (_required("trial_id", pa.string()), _required("attempt", pa.string()))

#: What is measured after an epoch. Losses are cross-entropies in nats; accuracies and `changed`
#: are fractions. `train_*`: mean over the epoch's batches while it trained (before training,
#: epoch 0: over all training images). `train_full_*`: over all training images after the epoch,
#: for epoch 0 and the last one. `penalty_loss`: -penalty * sum of mean(mask), + in maximal-*
#: (not `penalty`, which is the trial's field; `trials` holds both). `expected_test_accuracy`: under
#: the expected mask, for methods whose masks are random; their other figures are means over ten.
FIGURES = (
    "train_loss",
    "train_accuracy",
    "train_full_loss",
    "train_full_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "penalty_loss",
    "changed",
    "expected_test_accuracy",
)
_NULLABLE = ("train_full_loss", "train_full_accuracy", "expected_test_accuracy")
#: What the final mask is worth when it is moved elsewhere, see `TRIALS`.
CONTROLS = ("permuted_accuracy", "redrawn_accuracy", "random_accuracy")
_FIGURES = tuple(pa.field(name, pa.float64(), nullable=name in _NULLABLE) for name in FIGURES)

#: Counts of connections in 40 bins of equal width.
_HISTOGRAM = pa.list_(pa.int32())

#: Trial x epoch x layer: how many connections have a mask of -1, 0, +1 and an effective weight
#: below, at, above zero. They sum to `connections`, the layer's number of weights.
#:
#: In the trial's last epoch also where weights and scores lie of the connections that are kept
#: (mask +1) and of those that are changed (mask 0 or -1), counted in 40 bins of equal width; the
#: two histograms of a pair sum to `connections`. A value on an edge lies in the upper bin, the
#: highest one in the last. `weights_*`: from -`weight_reach`, the largest magnitude in the layer,
#: to +`weight_reach`; weights as drawn, where the weights are trained as they are then (those that
#: a mask has pruned are zero). `scores_*`: from `scores_from`, the smallest score, to `scores_to`,
#: the largest. Null: in earlier epochs, in results from before these columns existed, for values
#: that are not finite; and the scores' for methods without scores.
#:
#: Likewise in the last epoch, counted in connections: `connected`, kept or flipped ones on a path
#: of such ones from a pixel to a class, so without dead units and paths; `live`, those by which
#: some training image's logits would move if the effective weight were moved (never so: constant
#: pixels, dead units); and `live_changed`, those of the live ones that are pruned or flipped.
LAYERS = _schema(
    *_KEY,
    _required("epoch", pa.int32()),
    _required("layer", pa.int32()),
    _required("layer_name", pa.string()),
    _required("connections", pa.int64()),
    _required("mask_negative", pa.int64()),
    _required("mask_zero", pa.int64()),
    _required("mask_positive", pa.int64()),
    _required("effective_negative", pa.int64()),
    _required("effective_zero", pa.int64()),
    _required("effective_positive", pa.int64()),
    pa.field("weight_reach", pa.float64()),
    pa.field("weights_kept", _HISTOGRAM),
    pa.field("weights_changed", _HISTOGRAM),
    pa.field("scores_from", pa.float64()),
    pa.field("scores_to", pa.float64()),
    pa.field("scores_kept", _HISTOGRAM),
    pa.field("scores_changed", _HISTOGRAM),
    pa.field("connected", pa.int64()),
    pa.field("live", pa.int64()),
    pa.field("live_changed", pa.int64()),
)

#: Trial x epoch, epoch 0 before training; seconds are wall seconds of this epoch.
EPOCHS = _schema(
    *_KEY,
    _required("epoch", pa.int32()),
    *_FIGURES,
    _required("train_seconds", pa.float64()),
    _required("evaluation_seconds", pa.float64()),
)

#: Trial x epoch x layer, for studies that say `keep_masks`: the mask of the layer, a bit per
#: connection in the order of its weights [outputs, inputs, ...], which `shape` gives: 1 kept,
#: 0 pruned or flipped; packed as numpy.packbits does.
MASKS = _schema(
    *_KEY,
    _required("epoch", pa.int32()),
    _required("layer", pa.int32()),
    _required("layer_name", pa.string()),
    _required("shape", pa.list_(pa.int32())),
    _required("kept", pa.binary()),
)

#: The fields of `Trial`. One with a default may be missing in results from before it
#: existed; `Store.tables.read` puts the default in.
_TRIAL = tuple(
    pa.field(name, _ARROW[about.type], nullable=name not in REQUIRED)  # type: ignore[index]
    for name, about in FIELDS.items()
)

#: One row per finished trial: what it was, what came out after its last epoch, how it ran.
#: `test_correct`: a bit per test image in the data set's order, 1 = classified correctly, packed
#: as numpy.packbits does (of ten random masks under the first). `outcome`: completed; diverged (not
#: finite, at `last_epoch`); dead (the trained network gives every test image the same logits).
#: `*_parts`: where its rows are. `seconds`: from building its network to its last row, of trials
#: side by side an equal share. `continued_from`: the epoch of the checkpoint that it was continued
#: from, if there was one. `tf32`: whether a GPU multiplied with TF32. `classes`: how many the data
#: set has. The traits of its method, see `studies.traits.MethodTraits`: `needs_density`,
#: `random_mask`, `trains_weights`, `by_mask` and `flips`. `classes` and the traits are null in
#: results from before their columns existed.
TRIALS = _schema(
    *_KEY,
    _required("trial", pa.string()),
    *_TRIAL,
    _required("outcome", pa.string()),
    _required("last_epoch", pa.int32()),
    *_FIGURES,
    _required("test_images", pa.int32()),
    _required("test_correct", pa.binary()),
    _required("dataset_fingerprint", pa.string()),
    pa.field("source_fingerprint", pa.string()),
    pa.field("classes", pa.int32()),
    *(pa.field(name, pa.bool_()) for name in TRAITS),
    *(pa.field(name, pa.float64()) for name in CONTROLS),
    _required("engine", pa.string()),
    _required("layers_parts", pa.list_(pa.string())),
    _required("epochs_parts", pa.list_(pa.string())),
    pa.field("masks_parts", pa.list_(pa.string())),
    _required("seconds", pa.float64()),
    pa.field("continued_from", pa.int32()),
    _required("finished_at", pa.timestamp("us", tz="UTC")),
    _required("host", pa.string()),
    _required("device", pa.string()),
    _required("threads", pa.int32()),
    pa.field("tf32", pa.bool_()),
    _required("pack_size", pa.int32()),
    _required("versions", pa.string()),
    pa.field("commit", pa.string()),
)

#: Append-only: what went wrong with a trial that will be tried again.
FAILURES = _schema(
    *_KEY,
    _required("trial", pa.string()),
    _required("failed_at", pa.timestamp("us", tz="UTC")),
    _required("host", pa.string()),
    _required("error", pa.string()),
    _required("log", pa.string()),
)

TABLES: dict[str, pa.Schema] = {
    "masks": MASKS,
    "layers": LAYERS,
    "epochs": EPOCHS,
    "trials": TRIALS,
    "failures": FAILURES,
}

OUTCOMES = ("completed", "diverged", "dead")

#: Columns that tell where and how, and may differ between two runs of one trial.
PROVENANCE = frozenset(
    {
        "attempt",
        "train_seconds",
        "evaluation_seconds",
        "seconds",
        "continued_from",
        "finished_at",
        "failed_at",
        "host",
        "device",
        "engine",
        "threads",
        "tf32",
        "pack_size",
        "versions",
        "commit",
        "layers_parts",
        "epochs_parts",
        "masks_parts",
    }
)


def science(table: str) -> list[str]:
    """The columns of a table that must be the same to the bit in every run."""
    return [name for name in TABLES[table].names if name not in PROVENANCE]
