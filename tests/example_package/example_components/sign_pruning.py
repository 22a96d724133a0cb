"""Free pruning that trains each score by the sign of its gradient alone.

effective = weight * where(score > 0, 1, 0); dL/dscore = sign(dL/deffective * weight).
"""

from torch import Tensor

from trainers.methods import Connections, Layer, Pack

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset")


class SignPruning(Connections):
    """Prunes a connection while its score is not positive."""

    off = 0.0
    elementwise = capturable = True  # both must be repeated where `gradient` is overridden

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Return the sign of free pruning's gradient, [R, *shape], computed in place."""
        return super().gradient(pack, layer, gradient).sign_()


METHOD = SignPruning()
