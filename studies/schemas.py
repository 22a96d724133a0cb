"""The Arrow schemas of the results' tables.

Version 1. A nullable column may be added without a new version; any other change needs one, and a
reader refuses results of a newer version than its own. The columns of `PROVENANCE` say where and
how a trial ran. All others are science: they have the same values to the bit, wherever and however
often a trial runs with the same engine and library versions on a CPU.
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
#: are fractions. `train_*`: the mean over the epoch's batches during training (epoch 0, before
#: training: over all training images). `train_full_*`: over all training images after the epoch,
#: only for epoch 0 and the last one. `penalty_loss`: -penalty * sum of mean(mask); with a + for
#: maximal-*. (The field `penalty` of the trial is another column.) `expected_test_accuracy`: with
#: the expected mask, for methods whose masks are random; their other figures are means over ten
#: masks.
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
#: Test accuracies, without further training, of the final mask permuted within each layer, of the
#: mask on weights that are drawn anew, and of both; only for methods with the trait `by_mask`.
CONTROLS = ("permuted_accuracy", "redrawn_accuracy", "random_accuracy")
_FIGURES = tuple(pa.field(name, pa.float64(), nullable=name in _NULLABLE) for name in FIGURES)

#: Counts of connections in 40 bins of equal width.
_HISTOGRAM = pa.list_(pa.int32())

#: Trial x epoch x layer: how many connections have a mask of -1, 0, +1, and how many an effective
#: weight below, at, above zero. Each three sum to `connections`, the layer's number of weights.
#:
#: In the trial's last epoch also histograms of weights and scores, for the connections that are
#: kept (mask +1) and for those that are changed (mask 0 or -1), in 40 bins of equal width. The two
#: histograms of a pair sum to `connections`. A value on an edge counts in the upper bin, the
#: highest value in the last bin. `weights_*`: from -`weight_reach`, the largest magnitude in the
#: layer, to +`weight_reach`; the weights as drawn, or, if the weights are trained, as trained
#: (pruned weights are zero). `scores_*`: from `scores_from`, the smallest score, to `scores_to`,
#: the largest. Null in earlier epochs, in results from before these columns existed, and for values
#: that are not finite; the columns of scores also for methods without scores.
#:
#: Also in the last epoch, numbers of connections. `connected`: kept or flipped connections on a
#: path of such connections from a pixel to a class, so without dead units and paths. `live`:
#: connections whose effective weight, if moved, would move the logits of some training image (those
#: of constant pixels and dead units are not). `live_changed`: live connections that are pruned or
#: flipped.
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

#: Trial x epoch x layer, for studies with `keep_masks`: the mask of the layer, a bit per connection
#: in the order of the weights [outputs, inputs, ...], whose shape is `shape`: 1 kept, 0 pruned or
#: flipped; packed as numpy.packbits does. Of a method with three states (signed-supermask) the bits
#: do not say whether a connection is pruned or flipped.
MASKS = _schema(
    *_KEY,
    _required("epoch", pa.int32()),
    _required("layer", pa.int32()),
    _required("layer_name", pa.string()),
    _required("shape", pa.list_(pa.int32())),
    _required("kept", pa.binary()),
)

#: The fields of `Trial`. A field with a default may be missing in results from before it existed;
#: `Store.tables.read` then fills in the default.
_TRIAL = tuple(
    pa.field(name, _ARROW[declared.type], nullable=name not in REQUIRED)  # type: ignore[index]
    for name, declared in FIELDS.items()
)

#: One row per finished trial: its fields, its results after the last epoch, and how it ran.
#: `outcome`: completed; diverged (not finite, at `last_epoch`); dead (the trained network gives all
#: test images the same logits). `test_correct`: a bit per test image in the data set's order, 1 if
#: it is classified correctly, packed as numpy.packbits does; with ten random masks, under the
#: first. `classes`: the number of classes of the data set. The traits of its method, see
#: `studies.traits.MethodTraits`: `needs_density`, `random_mask`, `trains_weights`, `by_mask`,
#: `flips` and `sets_kept_share`. `multiply_adds`: multiplications and additions, counted as one,
#: that an image's forward pass through its layers takes with the connections that are kept or
#: flipped; null for a network of the user's own that does not say its `positions`.
#: `*_parts`: the parts that its rows were written in. `seconds`: from building its network to its
#: last row; trials that are trained side by side have equal shares. `continued_from`: the epoch of
#: the checkpoint that it was continued from, if there was one. `tf32`: whether a GPU multiplied
#: with TF32. `engine`: what took its steps; one that ends in ``-onednn`` computed large products
#: of fully connected layers through oneDNN. `versions`: of Python, of the libraries that compute,
#: and of the processor its architecture, maker and instructions. `peak_memory`: the most bytes that
#: the process had in memory from its start to the end of the trial; `peak_device_memory`: the most
#: that tensors took on the GPU while the pack was trained, null on a CPU. Columns that are nullable
#: are null in results from before they existed.
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
    pa.field("multiply_adds", pa.int64()),
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
    pa.field("peak_memory", pa.int64()),
    pa.field("peak_device_memory", pa.int64()),
    _required("versions", pa.string()),
    pa.field("commit", pa.string()),
)

#: Append-only: failed attempts at trials, which will be tried again.
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

#: Columns that say where and how a trial ran; they may differ between two runs of one trial.
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
        "peak_memory",
        "peak_device_memory",
        "versions",
        "commit",
        "layers_parts",
        "epochs_parts",
        "masks_parts",
    }
)


def science(table: str) -> list[str]:
    """Return the columns of a table that must be the same to the bit in every run."""
    return [name for name in TABLES[table].names if name not in PROVENANCE]
