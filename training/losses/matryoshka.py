"""A loss at several lengths of one embedding, so that a prefix is an embedding too (arXiv 2205.13147)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from encoders.blocks import Blocks
from training.losses.errors import LossError
from training.losses.precision import unit, widened


def matryoshka(
    embeddings: Tensor,
    loss: Callable[[Tensor], Tensor],
    cuts: Sequence[Callable[[Tensor], Tensor]],
    weights: Sequence[float],
) -> Tensor:
    """Return Σ_m c_m · loss(embeddings cut to m numbers), a scalar (arXiv 2205.13147, section 3, eq. 1).

    embeddings [N, D]; cuts: what `prefix` or `block_prefix` gives; weights: c_m, one for each cut (1 in the paper).
    Raises LossError where there is no cut, or another number of weights.
    """
    if not cuts or len(cuts) != len(weights):
        raise LossError(f"got {len(cuts)} lengths and {len(weights)} weights: give at least one length, each a weight")
    terms = [weight * loss(cut(embeddings)) for cut, weight in zip(cuts, weights, strict=True)]
    return torch.stack(terms).sum()


def prefix(dim: int) -> Callable[[Tensor], Tensor]:
    """Return the cut of [N, D] to the first `dim` numbers, scaled to unit length again; float32 [N, dim].

    The cut raises LossError for rows with fewer numbers.
    """

    def cut(embeddings: Tensor) -> Tensor:
        if not 1 <= dim <= embeddings.shape[-1]:
            raise LossError(
                f"a prefix of {dim} numbers was asked of {embeddings.shape[-1]}: give at least 1, at most all"
            )
        return unit(embeddings[..., :dim])

    return cut


def block_prefix(blocks: Blocks, dim: int) -> Callable[[Tensor], Tensor]:
    """Return the cut of rows [N, blocks.dim] to `dim` numbers as encoders are cut (Blocks.truncate); float32 [N, dim].

    Each block keeps its first numbers in proportion, and its weight: the length its part of the row had. Where nothing
    is left of a block, its weight goes to its absent coordinate. Raises EncoderError for a dim the layout cannot be cut
    to; the cut raises LossError for rows of another length.
    """
    kept = blocks.cut(dim)

    def cut(embeddings: Tensor) -> Tensor:
        if embeddings.shape[-1] != blocks.dim:
            raise LossError(f"rows have {embeddings.shape[-1]} numbers, the layout {blocks.dim}: they must be the same")
        rows = widened(embeddings)
        if kept == blocks:
            return rows
        *parts, absent = torch.split(rows, [*(size for _, size in blocks.sizes), blocks.absent], dim=-1)
        cut_parts, moved = [], []
        for part, (_, size) in zip(parts, kept.sizes, strict=True):
            weight = torch.linalg.vector_norm(part, dim=-1)
            left = part[..., :size]
            cut_parts.append(unit(left) * weight[..., None])
            moved.append(torch.where(left.any(dim=-1), 0, weight))
        if blocks.absent:
            absent = absent + torch.stack(moved, dim=-1)
        return unit(torch.cat([*cut_parts, absent], dim=-1))

    return cut
