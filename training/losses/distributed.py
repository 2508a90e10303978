"""Embeddings of all processes as one batch, so that `torchrun` with several gives the gradients of one.

What the caller must do. Let process r's loss be L_r; what is minimised is their mean, L = (1/W) Σ_r L_r over W
processes. That is the loss of the whole batch both where each process takes it over all gathered queries (every L_r is
L), and where it takes its own queries against all gathered candidates and processes have equally many queries; if not,
multiply L_r by W · own queries / all queries. `gather` sums the gradients of all L_r at an embedding. So after backward
the *mean* over processes of their .grad is ∂L/∂θ, for the encoder and for parameters of the loss alike.
DistributedDataParallel takes that mean: never multiply the loss by W for it. (A gather that kept only a process's own
rows differentiable would need that.) It does not reach parameters outside the wrapped module, such as τ, nor should
they be inside, as no forward pass of the module uses them: call `average_gradients` on them, or without the wrapper on
all.
"""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import FunctionCtx


def gather(rows: Tensor) -> Tensor:
    """Concatenate rows [n_r, ...] of all processes in the order of their ranks, [Σ n_r, ...], with gradient.

    n_r may differ between processes, the other sizes and the dtype may not. Every process must call it equally often,
    and go backward through it. Without torch.distributed, or in a single process, the rows themselves.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered


def first_row(rows: int, device: torch.device) -> int:
    """Return where this process's rows begin among the gathered ones; 0 without torch.distributed."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0
    return sum(_sizes(rows, device)[: dist.get_rank()])


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace .grad of each parameter by its mean over the processes, a missing one counting as zeros.

    All processes must give the same parameters in the same order. Without torch.distributed nothing changes.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        dist.all_reduce(parameter.grad)
        parameter.grad /= dist.get_world_size()


class _Gather(torch.autograd.Function):
    """all_gather forward; backward the sum over processes of the gradients at this process's rows.

    torch.distributed.nn.all_gather takes no rows of different numbers.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor) -> Tensor:
        sizes = _sizes(len(rows), rows.device)
        before = sum(sizes[: dist.get_rank()])
        ctx.own = slice(before, before + len(rows))  # type: ignore[attr-defined]  # a context carries what one sets
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        summed = gradients[0].contiguous().clone()
        dist.all_reduce(summed)
        own: slice = ctx.own  # type: ignore[attr-defined]  # set by forward
        return summed[own]


def _sizes(rows: int, device: torch.device) -> list[int]:
    """Return how many rows each process has."""
    size = torch.tensor([rows], device=device)
    parts = [torch.empty_like(size) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, size)
    return [int(part) for part in parts]
