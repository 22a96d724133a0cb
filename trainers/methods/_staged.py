"""A method in stages: first on another data set, and in the end on the output layer alone."""

from collections.abc import Sequence

from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods._base import Method
from trainers.methods._combined import Combined
from trainers.packs import Layer, Pack


class Staged(Combined):
    """Follows a method, and may leave the hidden layers as they are in the last stage.

    A trial with a `source` has two stages of its number of epochs. The second stage goes on
    training on the trial's own data set; if only the output layer is trained, the hidden layers
    stay and the output layer starts anew. A trial without a source has the second stage alone.

    Args:
        method: which has one round if the trial has a source.
        trial: for its `source` and `trained_layers`.
    """

    def __init__(self, method: Method, trial: Trial) -> None:
        super().__init__(method)
        self._method = method
        self._last_stage = 1 if trial.source else 0
        self._output_alone = trial.trained_layers == "output"
        self.elementwise = self.elementwise and not self._output_alone  # else layers differ

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Return the method's rounds on the source, if there is one, and on the data set."""
        return [*self._method.rounds(trial)] * (1 + self._last_stage)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Begin as the method does; on the data set go on from what the source has left."""
        if not (self._last_stage and number):
            self._method.begin(pack, number, batches)
        elif self._output_alone:
            hidden = pack.layers[:-1]
            learned = [(layer.trained.clone(), layer.mask) for layer in hidden]
            self._method.begin(pack, 0, batches)
            for layer, (trained, mask) in zip(hidden, learned, strict=True):
                layer.trained.copy_(trained)
                layer.mask = mask
                self._method.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Return the method's gradient, [R, *shape], but zero for hidden layers that stay."""
        hidden = layer.index < len(pack.layers) - 1
        if self._output_alone and hidden and pack.round >= self._last_stage:
            return gradient.zero_()
        return self._method.gradient(pack, layer, gradient)
