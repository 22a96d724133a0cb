"""A method in stages: first on another data set, and in the end on the output layer alone."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods import Layer, Method, Pack


class Staged(Method):
    """Does what a method does, and leaves the hidden layers as they are in the last stage.

    With a `source` there are two stages of the trial's epochs. What was trained on the source is
    trained on, on the trial's own data set; or, where the output layer is trained alone, the hidden
    layers are kept and the output layer starts anew. Without a source there is the last stage.

    Args:
        method: of one round where the trial has a source.
        trial: for its `source` and `trained_layers`.
    """

    def __init__(self, method: Method, trial: Trial) -> None:
        self._method, self._first = method, int(bool(trial.source))
        self._output_alone = trial.trained_layers == "output"

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether the method is, and all layers are treated alike."""
        return self._method.elementwise and not self._output_alone

    @property
    def capturable(self) -> bool:  # type: ignore[override]
        """Whether the method is."""
        return self._method.capturable

    @property
    def by_mask(self) -> bool:  # type: ignore[override]
        """Whether the method's networks are."""
        return self._method.by_mask

    def rounds(self, trial: Trial) -> Sequence[int]:
        """The method's on the source, if there is one, and on the data set."""
        return [*self._method.rounds(trial)] * (1 + self._first)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Begin as the method does; on the data set go on from what the source has left."""
        if not (self._first and number):
            self._method.begin(pack, number, batches)
        elif self._output_alone:
            hidden = pack.layers[:-1]
            kept = [(layer.trained.clone(), layer.mask) for layer in hidden]
            self._method.begin(pack, 0, batches)
            for layer, (trained, mask) in zip(hidden, kept, strict=True):
                layer.trained.copy_(trained)
                layer.mask = mask
                self._method.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """The method's, but none for hidden layers that stay as they are."""
        hidden = layer.index < len(pack.layers) - 1
        if self._output_alone and hidden and pack.round >= self._first:
            return gradient.zero_()
        return self._method.gradient(pack, layer, gradient)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """As the method does."""
        self._method.rebuild(pack, layer)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """The method's, [R, *shape]."""
        return self._method.mask(pack, layer)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """The method's, [R][*shape]."""
        return self._method.scores(pack, layer)

    def evaluated(self, pack: Pack) -> Iterator[None]:
        """The method's states."""
        return self._method.evaluated(pack)

    def expected(self, pack: Pack) -> bool:
        """The method's expected state."""
        return self._method.expected(pack)

    def penalty(self, pack: Pack) -> Tensor:
        """The method's, [R]."""
        return self._method.penalty(pack)
