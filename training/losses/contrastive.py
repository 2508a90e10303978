"""The contrastive loss: GCL as NoteLLM publishes it, and the general form.

Logits are similarities times e^τ. All numbers are float32, also for bfloat16 embeddings and under autocast
(precision.py); float64 embeddings give a float64 loss.
"""

import torch
from torch import Tensor

from training.losses.errors import LossError
from training.losses.precision import dot, widened

# What τ starts at in NoteLLM (arXiv 2403.01744): similarities are multiplied by e³ ≈ 20.
TAU_START = 3.0


def gcl(
    left: Tensor,
    right: Tensor,
    tau: Tensor,
    *,
    negatives: Tensor | None = None,
    allowed: Tensor | None = None,
    negatives_allowed: Tensor | None = None,
    corrections: Tensor | None = None,
) -> Tensor:
    """Return NoteLLM's generative-contrastive loss of B pairs, a scalar (arXiv 2403.01744, section 4.2, L_cl).

    L = −1/(2B) Σ_i log [exp(s(n_i, n_i⁺) e^τ) / Σ_{j≠i} exp(s(n_i, n_j) e^τ)]: all 2B notes are anchors, and each has
    all others as candidates.
    left, right: unit rows [B, D], a pair's two sides; note i of the 2B is left[i], then right[i − B].
    allowed: bool [2B, 2B], corrections: [2B] or [2B, 2B], negatives: [H, D] or [2B, H, D] with
    negatives_allowed: bool [2B, H], all in that order and as `contrastive` takes them; a note never stands against
    itself. Raises LossError where the sides are of different shapes.
    """
    if left.shape != right.shape or left.ndim != 2:
        raise LossError(
            f"the sides of the pairs have shapes {tuple(left.shape)} and {tuple(right.shape)}: give two of [B, D]"
        )
    notes = torch.cat([left, right])
    others = ~torch.eye(len(notes), dtype=torch.bool, device=notes.device)
    return contrastive(
        notes,
        notes,
        partners(len(left), notes.device),
        tau,
        negatives=negatives,
        allowed=others if allowed is None else others & allowed,
        negatives_allowed=negatives_allowed,
        corrections=corrections,
    )


def partners(pairs: int, device: torch.device | None = None) -> Tensor:
    """Return where the partner of each of 2B notes stands, int64 [2B]: left sides first, then right sides."""
    return torch.arange(2 * pairs, device=device).roll(pairs)


def contrastive(
    queries: Tensor,
    candidates: Tensor,
    positives: Tensor,
    tau: Tensor,
    *,
    negatives: Tensor | None = None,
    allowed: Tensor | None = None,
    negatives_allowed: Tensor | None = None,
    corrections: Tensor | None = None,
) -> Tensor:
    """Return the mean over M queries of −log softmax at their positives, a scalar (InfoNCE, arXiv 1807.03748, eq. 4).

    queries [M, D] and candidates [N, D]: unit rows for cosines. tau: scalar, the scale is e^τ.
    positives: int64 [M], the candidate of each query; or bool [M, N], several of them: then the mean of −log softmax
    over a query's positives, each with all of them in the denominator (SupCon, arXiv 2004.11362, eq. 2, L_out). A query
    without any adds 0, and counts in the mean.
    negatives: more candidates that are nobody's positive; [H, D] of all queries, or [M, H, D] each its own.
    allowed bool [M, N], negatives_allowed bool [M, H]: who is in the denominator; a positive always is.
    corrections [N] or [M, N]: added to the logits of the candidates after scaling (sampling_bias.py).
    Without any negative left the loss of a query with one positive is 0, and so is its gradient.
    """
    scale = widened(tau).exp()
    chosen = is_positive(positives, len(candidates))
    logits = scale * dot(queries, candidates.T)  # [M, N]
    if corrections is not None:
        logits = logits + corrections
    if allowed is not None:
        logits = logits.masked_fill(~(allowed | chosen), -torch.inf)
    if negatives is not None:
        more = scale * _against(queries, negatives)  # [M, H]
        if negatives_allowed is not None:
            more = more.masked_fill(~negatives_allowed, -torch.inf)
        logits = torch.cat([logits, more], dim=1)
    chances = logits.log_softmax(dim=1)[:, : len(candidates)]
    # Not a product with the mask: 0 · −∞ is no number.
    losses = -torch.where(chosen, chances, 0).sum(dim=1) / chosen.sum(dim=1).clamp(min=1)
    return losses.sum() / max(len(queries), 1)


def is_positive(positives: Tensor, candidates: int) -> Tensor:
    """Return positives as bool [M, N], of int64 [M] (the candidate of each query) or of bool [M, N], left as it is."""
    if positives.dtype == torch.bool:
        return positives
    return positives[:, None] == torch.arange(candidates, device=positives.device)


def _against(queries: Tensor, negatives: Tensor) -> Tensor:
    """Return similarities [M, H] of queries [M, D] to negatives [H, D], or [M, H, D] of their own."""
    if negatives.ndim == 2:
        return dot(queries, negatives.T)
    return dot(negatives, queries[:, :, None])[:, :, 0]
