"""Matrix products of fully connected layers: through PyTorch, or through oneDNN where it is faster.

PyTorch multiplies float32 matrices with MKL, which uses AVX2 on AMD's processors whatever these can
do. oneDNN uses AVX-512 there too and is up to twice as fast, except for small products, where a
call costs more. `devices.preferred_products` says which of the two a machine should use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studies.errors import UserError
from trainers.devices import MM, ONEDNN

#: oneDNN computes products of at least this many multiplications; a call of it costs some 10
#: microseconds. The rule is fixed: a choice by measured time would make results depend on load.
_LEAST = 2**20


@dataclass(frozen=True)
class Products:
    """A way to multiply matrices.

    Attributes:
        name: ``mm`` or ``onednn``.
        linear: (x [..., B, inputs], weight [..., outputs, inputs]) -> x @ weight.mT, with a
            gradient that autograd can follow as often as it is asked to.
        times: (a [M, K], b [N, K], out [M, N], factor [M, N]) -> a @ b.mT * factor, without a
            gradient. The last two may be None; the result may be in ``out`` or elsewhere.
    """

    name: str
    linear: Callable[[Tensor, Tensor], Tensor]
    times: Callable[..., Tensor]


def _mm_linear(x: Tensor, weight: Tensor) -> Tensor:
    return x @ weight.mT


def _mm_times(a: Tensor, b: Tensor, out: Tensor | None, factor: Tensor | None = None) -> Tensor:
    product = torch.mm(a, b.mT, out=out)
    return product if factor is None else product.mul_(factor)


def _onednn_linear(x: Tensor, weight: Tensor) -> Tensor:
    if x.dim() != 2 or x.dtype != torch.float32 or not _is_large(x, weight):
        return _mm_linear(x, weight)
    product: Tensor = _Times.apply(x, weight)
    return product


def _onednn_times(a: Tensor, b: Tensor, out: Tensor | None, factor: Tensor | None = None) -> Tensor:
    if not _is_large(a, b):
        return _mm_times(a, b, out, factor)
    if factor is None:
        return _onednn(a, b)
    product: Tensor = torch.ops.mkldnn._linear_pointwise.binary(a, factor, b, None, "mul")
    return product


def _onednn(a: Tensor, b: Tensor) -> Tensor:
    """a @ b.mT. PyTorch's compiler emits this operation too; its interface is not public."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
    return product


def _is_large(a: Tensor, b: Tensor) -> bool:
    """Whether a @ b.mT is large enough for oneDNN."""
    return a.shape[0] * b.numel() >= _LEAST


class _Times(torch.autograd.Function):
    """a @ b.mT by oneDNN; all its derivatives are products of the same kind."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """[M, K] and [N, K] to [M, N]."""
        ctx.save_for_backward(a, b)
        return _onednn(a, b)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """dL/da = gradient @ b, dL/db = gradient.mT @ a."""
        a, b = ctx.saved_tensors
        needs_a, needs_b = ctx.needs_input_grad
        return (
            _Times.apply(gradient, b.mT) if needs_a else None,
            _Times.apply(gradient.mT, a.mT) if needs_b else None,
        )


#: PyTorch's own products.
OWN = Products(MM, _mm_linear, _mm_times)
_PRODUCTS = {MM: OWN, ONEDNN: Products(ONEDNN, _onednn_linear, _onednn_times)}


def by_name(name: str) -> Products:
    """Return the products ``mm`` or ``onednn``.

    Raises:
        UserError: PyTorch on this machine cannot provide them.
    """
    if name == ONEDNN and not _has_onednn():
        raise UserError(
            f"engine {ONEDNN}: PyTorch {torch.__version__} on this machine cannot multiply through "
            f"oneDNN; give --engine {MM}"
        )
    return _PRODUCTS[name]


def _has_onednn() -> bool:
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and hasattr(torch.ops.mkldnn, "_linear_pointwise")
