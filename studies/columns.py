"""The columns of the results' tables: each with its type, its meaning and its unit.

`studies.schemas` makes the Arrow schemas of them, and `make docs` the page `docs/columns.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pyarrow as pa

from studies.traits import MethodTraits
from studies.trial import FIELDS, REQUIRED


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its name.
        kind: its Arrow type.
        meaning: what a value says, for users: a phrase without a capital and a full stop.
        unit: of its values; empty for those without one.
        nullable: whether it may be null, because it does not apply or did not exist yet.
        provenance: whether it says where and how a trial ran, and so may differ between two runs of
            one trial. All other columns are science.
    """

    name: str
    kind: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False
    provenance: bool = False

    @property
    def field(self) -> pa.Field:
        """Its field of an Arrow schema."""
        return pa.field(self.name, self.kind, nullable=self.nullable)


@dataclass(frozen=True)
class Table:
    """A table of the results.

    Attributes:
        meaning: what a row is, in sentences for users.
        columns: its columns in their order.
    """

    meaning: str
    columns: tuple[Column, ...]


_TEXT, _WHOLE, _REAL, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_SHORT, _BYTES, _NAMES = pa.int32(), pa.binary(), pa.list_(pa.string())
_TIME = pa.timestamp("us", tz="UTC")
#: Counts of connections in 40 bins of equal width.
_HISTOGRAM = pa.list_(pa.int32())
_ARROW = {str: _TEXT, int: _WHOLE, float: _REAL, bool: _FLAG}
_NATS, _FRACTION, _SECONDS, _CONNECTIONS = "nats", "fraction", "seconds", "connections"

_KEY = (
    Column(
        "trial_id", _TEXT, "id of the trial: a hash of its fields that are not at their default"
    ),
    Column("attempt", _TEXT, "name of this try at training the trial", provenance=True),
)
_EPOCH = Column("epoch", _SHORT, "epoch after which it was measured; 0 is before training")
_LAYER = (
    Column("layer", _SHORT, "number of the layer, from 0 at the input"),
    Column("layer_name", _TEXT, "name of the layer, such as fc1 or conv1"),
)
_TRIAL = Column("trial", _TEXT, "the trial's fields that are not at their default, as JSON")
_HOST = Column("host", _TEXT, "machine; a number in shipped results", provenance=True)

#: What is measured after an epoch; in `trials`, after the last one.
FIGURES = (
    Column(
        "train_loss",
        _REAL,
        "cross-entropy in training, the mean over the epoch's batches; in epoch 0 over all "
        "training images",
        _NATS,
    ),
    Column("train_accuracy", _REAL, "accuracy in training, averaged like `train_loss`", _FRACTION),
    Column(
        "train_full_loss",
        _REAL,
        "cross-entropy on all training images after the epoch; only in epoch 0 and the last one",
        _NATS,
        nullable=True,
    ),
    Column(
        "train_full_accuracy",
        _REAL,
        "accuracy on all training images after the epoch; only in epoch 0 and the last one",
        _FRACTION,
        nullable=True,
    ),
    Column("validation_loss", _REAL, "cross-entropy on the validation images", _NATS),
    Column("validation_accuracy", _REAL, "accuracy on the validation images", _FRACTION),
    Column("test_loss", _REAL, "cross-entropy on the test images", _NATS),
    Column(
        "test_accuracy",
        _REAL,
        "accuracy on the test images; for methods with random masks, this and all other losses and "
        "accuracies after the epoch are means over ten masks",
        _FRACTION,
    ),
    Column(
        "penalty_loss",
        _REAL,
        "what the method adds to the cross-entropy: -penalty * sum over the layers of mean(mask) "
        "in minimal methods, with a + in maximal ones (the field `penalty` is another column)",
        _NATS,
    ),
    Column("changed", _REAL, "connections that are pruned or flipped", _FRACTION),
    Column(
        "expected_test_accuracy",
        _REAL,
        "accuracy on the test images with the expected mask, for methods with random masks",
        _FRACTION,
        nullable=True,
    ),
)

#: Test accuracies of the final mask elsewhere, without further training; only for methods with the
#: trait `by_mask`.
CONTROLS = tuple(
    Column(
        name,
        _REAL,
        f"test accuracy, without further training, of {what}; for methods with the trait `by_mask`",
        _FRACTION,
        nullable=True,
    )
    for name, what in (
        ("permuted_accuracy", "the final mask permuted within each layer"),
        ("redrawn_accuracy", "the final mask on weights that are drawn anew"),
        ("random_accuracy", "the permuted mask on weights that are drawn anew"),
    )
)

_MASKS = Table(
    "Trial x epoch x layer: the masks, in studies with `keep_masks`.",
    (
        *_KEY,
        _EPOCH,
        *_LAYER,
        Column("shape", pa.list_(_SHORT), "shape of the layer's weights, [outputs, inputs, ...]"),
        Column(
            "kept",
            _BYTES,
            "a bit per connection in the order of the weights: 1 kept, 0 pruned or flipped, packed "
            "as numpy.packbits does; of a method with three states (signed-supermask) the bits do "
            "not say whether a connection is pruned or flipped",
            "bits",
        ),
    ),
)


def _counted(name: str, meaning: str) -> Column:
    return Column(name, _WHOLE, meaning, _CONNECTIONS)


def _last(name: str, kind: pa.DataType, meaning: str, unit: str = "") -> Column:
    """Return a column that is recorded in a trial's last epoch."""
    return Column(name, kind, meaning, unit, nullable=True)


_LAYERS = Table(
    "Trial x epoch x layer: the counts of connections by their mask and by their effective weight; "
    "the three counts of each kind sum to `connections`. The last epoch of a trial has histograms, "
    "too, of weights and scores in 40 bins of equal width: a value on an edge counts in the upper "
    "bin, the highest value in the last bin. The histograms of kept and of changed connections "
    "together sum to `connections`. What is recorded only in the last epoch is null in earlier "
    "epochs, in results from before its column existed, and for values that are not finite; the "
    "columns of scores are also null for methods without scores.",
    (
        *_KEY,
        _EPOCH,
        *_LAYER,
        _counted("connections", "number of weights"),
        _counted("mask_negative", "those with a mask of -1: flipped"),
        _counted("mask_zero", "those with a mask of 0: pruned"),
        _counted("mask_positive", "those with a mask of 1: kept"),
        _counted("effective_negative", "those with an effective weight below zero"),
        _counted("effective_zero", "those with an effective weight of zero"),
        _counted("effective_positive", "those with an effective weight above zero"),
        _last(
            "weight_reach",
            _REAL,
            "largest magnitude of a weight: the histograms of weights go from minus to plus this; "
            "weights as drawn, or as trained if the method trains them (pruned ones are zero)",
            "weight",
        ),
        _last("weights_kept", _HISTOGRAM, "histogram of the weights that are kept", _CONNECTIONS),
        _last(
            "weights_changed",
            _HISTOGRAM,
            "histogram of the weights that are pruned or flipped",
            _CONNECTIONS,
        ),
        _last(
            "scores_from", _REAL, "smallest score, where the histograms of scores begin", "score"
        ),
        _last("scores_to", _REAL, "largest score, where the histograms of scores end", "score"),
        _last("scores_kept", _HISTOGRAM, "histogram of the scores of what is kept", _CONNECTIONS),
        _last(
            "scores_changed",
            _HISTOGRAM,
            "histogram of the scores of what is pruned or flipped",
            _CONNECTIONS,
        ),
        _last(
            "connected",
            _WHOLE,
            "kept or flipped connections on a path of such connections from a pixel to a class",
            _CONNECTIONS,
        ),
        _last(
            "live",
            _WHOLE,
            "connections for which a change of the effective weight would change the logits of a "
            "training image (not those of constant pixels and dead units)",
            _CONNECTIONS,
        ),
        _last("live_changed", _WHOLE, "live connections that are pruned or flipped", _CONNECTIONS),
    ),
)

_EPOCHS = Table(
    "Trial x epoch; epoch 0 is before training.",
    (
        *_KEY,
        _EPOCH,
        *FIGURES,
        Column("train_seconds", _REAL, "wall time of its training", _SECONDS, provenance=True),
        Column(
            "evaluation_seconds", _REAL, "wall time of its evaluation", _SECONDS, provenance=True
        ),
    ),
)


def _ran(
    name: str, kind: pa.DataType, meaning: str, unit: str = "", *, nullable: bool = False
) -> Column:
    """Return a column of `trials` that says where and how a trial ran."""
    return Column(name, kind, meaning, unit, nullable=nullable, provenance=True)


_TRIALS = Table(
    "A row per finished trial: its fields, its results after the last epoch, and how it ran. A "
    "field that has a default is missing in results from before the field existed, and readers "
    "fill in the default. Other columns that may be null are null in results from before they "
    "existed.",
    (
        *_KEY,
        _TRIAL,
        *(
            Column(
                name,
                _ARROW[declared.type],  # type: ignore[index]
                declared.metadata["explanation"],
                declared.metadata["unit"],
                nullable=name not in REQUIRED,
            )
            for name, declared in FIELDS.items()
        ),
        Column(
            "outcome",
            _TEXT,
            "completed; diverged (not finite, at `last_epoch`); or dead (the trained network gives "
            "all test images the same logits)",
        ),
        Column("last_epoch", _SHORT, "the last epoch, after which the results were measured"),
        *FIGURES,
        Column("test_images", _SHORT, "number of test images", "images"),
        Column(
            "test_correct",
            _BYTES,
            "a bit per test image in the data set's order, 1 if it is classified correctly, packed "
            "as numpy.packbits does; for methods with random masks, with the first of the ten",
            "bits",
        ),
        Column("dataset_fingerprint", _TEXT, "hash of the content of the data set"),
        Column(
            "source_fingerprint",
            _TEXT,
            "hash of the content of the data set `source`, if there is one",
            nullable=True,
        ),
        Column("classes", _SHORT, "number of classes of the data set", "classes", nullable=True),
        *(
            Column(trait.name, _FLAG, f"trait of the method: {trait.metadata['meaning']}", "", True)
            for trait in fields(MethodTraits)
        ),
        *CONTROLS,
        Column(
            "multiply_adds",
            _WHOLE,
            "multiplications and additions, a pair counted as one, of an image's forward pass with "
            "the connections that are kept or flipped; null for a network of your own that does "
            "not give its `positions`",
            "operations",
            nullable=True,
        ),
        _ran(
            "engine",
            _TEXT,
            "implementation of its training steps; one that ends in -onednn computed large "
            "products of fully connected layers through oneDNN",
        ),
        _ran("layers_parts", _NAMES, "part files with its rows of `layers`"),
        _ran("epochs_parts", _NAMES, "part files with its rows of `epochs`"),
        _ran(
            "masks_parts",
            _NAMES,
            "part files with its rows of `masks`, if masks are kept",
            nullable=True,
        ),
        _ran(
            "seconds",
            _REAL,
            "wall time from building its network to its last row; trials that are trained side by "
            "side have equal shares",
            _SECONDS,
        ),
        _ran(
            "continued_from",
            _SHORT,
            "epoch of the checkpoint that it was continued from, if there was one",
            nullable=True,
        ),
        _ran("finished_at", _TIME, "when it was finished", "UTC"),
        _HOST,
        _ran("device", _TEXT, "what it was trained on: cpu or cuda"),
        _ran("threads", _SHORT, "number of threads of PyTorch", "threads"),
        _ran("tf32", _FLAG, "whether a GPU multiplied with TF32", nullable=True),
        _ran("pack_size", _SHORT, "trials that were trained side by side, 1 on a CPU", "trials"),
        _ran(
            "peak_memory",
            _WHOLE,
            "the most memory of the process from its start to the end of the trial",
            "bytes",
            nullable=True,
        ),
        _ran(
            "peak_device_memory",
            _WHOLE,
            "the most memory of tensors on the GPU while the pack was trained; null on a CPU",
            "bytes",
            nullable=True,
        ),
        _ran(
            "versions",
            _TEXT,
            "versions of Python and of the numerical libraries; architecture, maker and "
            "instructions of the processor",
        ),
        _ran("commit", _TEXT, "commit of this project, if it ran from a checkout", nullable=True),
    ),
)

_FAILURES = Table(
    "A row per failed attempt at a trial; rows are only added.",
    (
        *_KEY,
        _TRIAL,
        Column("failed_at", _TIME, "when it failed", "UTC", provenance=True),
        _HOST,
        Column("error", _TEXT, "what went wrong, in one line"),
        Column("log", _TEXT, "path or URI of the traceback"),
    ),
)

#: The tables in the order in which they are written, except that failures come at any time.
TABLES: Mapping[str, Table] = {
    "masks": _MASKS,
    "layers": _LAYERS,
    "epochs": _EPOCHS,
    "trials": _TRIALS,
    "failures": _FAILURES,
}
