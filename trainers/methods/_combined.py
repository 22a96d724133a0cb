"""The base of methods that are made of other methods."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods._base import Method
from trainers.packs import Layer, Pack


class Combined(Method):
    """Forwards every call to the method that is active; a subclass says only how it differs.

    Args:
        methods: what it is made of. It promises what all of them promise, and has the traits that
            one of them has.
    """

    def __init__(self, *methods: Method) -> None:
        self.methods = methods
        self.elementwise = all(method.elementwise for method in methods)
        self.capturable = all(method.capturable for method in methods)
        self.by_mask = all(method.by_mask for method in methods)
        self.trains_weights = any(method.trains_weights for method in methods)
        self.flips = any(method.flips for method in methods)
        self.sets_kept_share = any(method.sets_kept_share for method in methods)

    def active(self, pack: Pack) -> Method:
        """Return the method that the pack's round belongs to."""
        return self.methods[0]

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Forward to the first method: the pack does not exist yet."""
        return self.methods[0].rounds(trial)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Forward to the active method."""
        self.active(pack).begin(pack, number, batches)

    def begin_epoch(self, pack: Pack) -> None:
        """Forward to the active method."""
        self.active(pack).begin_epoch(pack)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Forward to the active method, [R, *shape]."""
        return self.active(pack).gradient(pack, layer, gradient)

    def gradient_factor(self, pack: Pack, layer: Layer) -> Tensor | None:
        """Forward to the active method, [R, *shape]."""
        return self.active(pack).gradient_factor(pack, layer)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Forward to the active method."""
        self.active(pack).rebuild(pack, layer)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Forward to the active method, [R, *shape]."""
        return self.active(pack).mask(pack, layer)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Forward to the active method, [R][*shape]."""
        return self.active(pack).scores(pack, layer)

    def evaluated(self, pack: Pack) -> Iterator[None]:
        """Forward to the active method."""
        return self.active(pack).evaluated(pack)

    def deployed(self, pack: Pack) -> bool:
        """Forward to the active method."""
        return self.active(pack).deployed(pack)

    def expected(self, pack: Pack) -> bool:
        """Forward to the active method."""
        return self.active(pack).expected(pack)

    def penalty(self, pack: Pack) -> Tensor:
        """Forward to the active method, [R]."""
        return self.active(pack).penalty(pack)
