"""What do the pieces of a network reach alone?"""

import numpy as np
import pandas as pd

from analysis.drawing.rows import Rows
from analysis.questions._finding import Finding
from analysis.questions._kinds import FROZEN, Kinds, finding_of_kinds, kinds_of, rows_of_kinds
from analysis.tables import Results, computed_once

ORDER = 74
QUESTION = "pieces"
TITLE = "Accuracy of training pieces of the network alone"
CAPTION = (
    "Test accuracy after the last epoch, by what is trained: all layers, the output layer alone, "
    "or the scale and shift of batch normalisation alone (frozen, which trains neither weights nor "
    "connections). What a piece reaches alone is not due to a mask. The axes do not start at zero."
)
ALL, OUTPUT, NORM = "all layers", "output layer alone", "batch normalisation alone"
WITH_NORM, OUTPUT_NORM = "all layers and batch normalisation", "output layer, batch normalisation"
NOTHING = "nothing"


@computed_once  # the figure and the sentences need them
def in_pieces(results: Results) -> Kinds:
    """Return the test accuracy of training batch normalisation or the output layer alone.

    Training batch normalisation alone changes no weights, so its reference is dense training.
    """
    trials = results.trials[results.trials["source"] == ""]
    frozen, affine = trials["method"] == FROZEN, trials["affine"]
    output = trials["trained_layers"] == "output"
    conditions = [frozen & affine, frozen, output & affine, output, affine]
    names = [NORM, NOTHING, OUTPUT_NORM, OUTPUT, WITH_NORM]
    kind = pd.Series(np.select(conditions, names, default=ALL), trials.index)
    apart, order = (
        ("trained_layers", "affine", "source"),
        (ALL, WITH_NORM, OUTPUT, OUTPUT_NORM, NORM, NOTHING),
    )
    return kinds_of(results, kind, trials["test_accuracy"], apart, order, (OUTPUT, NORM))


def summarise(results: Results) -> Rows:
    """Return test accuracy in percent by which pieces of the network are trained."""
    missing = "No trial trains batch normalisation or the output layer of a network alone."
    return rows_of_kinds(results, in_pieces(results), missing)


def find(results: Results) -> Finding | None:
    """Compare batch normalisation alone and the output layer alone with all layers."""
    return finding_of_kinds(
        results,
        in_pieces(results),
        value="test accuracy",
        note="Training batch normalisation alone changes neither weights nor connections; it is "
        "compared with dense training. What a piece reaches alone is not due to a mask.",
    )
