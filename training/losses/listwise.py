"""The listwise loss: not which candidate is the one positive, but how much of the mass each should have."""

import torch
from torch import Tensor

from training.losses.precision import dot, widened


def listwise(
    queries: Tensor,
    candidates: Tensor,
    weights: Tensor,
    tau: Tensor,
    *,
    allowed: Tensor | None = None,
    corrections: Tensor | None = None,
) -> Tensor:
    """Return the mean of −Σ_j p_j log q_j over the queries that have weight, a scalar; 0 where none has.

    ListNet (Cao et al. 2007, ICML, "Learning to rank: from pairwise approach to listwise approach", eq. 6) with q the
    softmax of cosines times e^τ, p the weights over their sum. With one weight a query it is `contrastive`.
    Arguments as in `listwise_losses`. In chunks take the mean of those over the rows of a slice, and multiply the whole
    by queries / queries that have weight.
    """
    losses, counted = listwise_losses(queries, candidates, weights, tau, allowed=allowed, corrections=corrections)
    return losses.sum() / counted.sum().clamp(min=1)


def listwise_losses(
    queries: Tensor,
    candidates: Tensor,
    weights: Tensor,
    tau: Tensor,
    *,
    allowed: Tensor | None = None,
    corrections: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return each query's −Σ_j p_j log q_j [M], and which queries have weight, bool [M]; the others' loss is 0.

    queries [M, D] and candidates [N, D]: unit rows for cosines. weights [M, N], 0 or more, of any sum. tau: scalar, the
    scale is e^τ. allowed bool [M, N]: who is in the softmax at all; the weight of the others counts as 0, so leave the
    query itself out with it. corrections [N] or [M, N]: added to the logits after scaling (sampling_bias.py).
    """
    logits = widened(tau).exp() * dot(queries, candidates.T)
    if corrections is not None:
        logits = logits + corrections
    right = weights.to(logits.dtype)
    if allowed is not None:
        logits = logits.masked_fill(~allowed, -torch.inf)
        right = right.masked_fill(~allowed, 0)
    total = right.sum(dim=1)
    # Not a product alone: 0 · −∞ is no number; nor is a softmax over nothing, whose gradient ends at the mask.
    terms = torch.where(right > 0, right * logits.log_softmax(dim=1), 0)
    return -terms.sum(dim=1) / torch.where(total > 0, total, 1), total > 0
