"""Free pruning whose scores hear only the direction of the gradient.

effective = weight * where(score > 0, 1, 0); dL/dscore = sign(dL/deffective * weight).
"""

from torch import Tensor

from trainers.methods import Connections, Layer, Pack

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset")


class SignPruning(Connections):
    """A connection is pruned while its score is not positive."""

    off = 0.0
    elementwise = capturable = True  # said anew, since `gradient` is its own

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """The sign of what free pruning's scores get, [R, *shape], in place."""
        return super().gradient(pack, layer, gradient).sign_()


METHOD = SignPruning()
