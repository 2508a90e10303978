"""Float32 inside a loss, whatever goes on around it."""

import torch
from torch import Tensor


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor in float32, or as it is in float64 (gradient checks)."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def dot(left: Tensor, right: Tensor) -> Tensor:
    """Multiply matrices [..., M, D] and [..., D, N] in float32 or float64, [..., M, N].

    Autocast would turn the operands of a product into bfloat16 again, in which 0.991 and 0.992 are one number, so it is
    switched off here; the other operations of the losses keep the type of their operands or are float32 under autocast.
    Where a caller has let CUDA multiply float32 in TF32, it does so here too.
    """
    with torch.autocast(left.device.type, enabled=False):
        left, right = widened(left), widened(right)
        wider = torch.promote_types(left.dtype, right.dtype)
        return left.to(wider) @ right.to(wider)


def unit(tensor: Tensor) -> Tensor:
    """Scale rows [..., D] to unit length, in float32 or float64; zero rows stay zero, and have finite gradients."""
    tensor = widened(tensor)
    norms = torch.linalg.vector_norm(tensor, dim=-1, keepdim=True)
    return tensor / torch.where(norms > 0, norms, torch.ones_like(norms))
