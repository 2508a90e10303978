"""logQ: notes of many pairs stand among the negatives of many batches, and would be pushed away for it.

In-batch negatives are drawn by popularity, where a softmax over all notes has each once. Subtracting the logarithm of
the probability of being drawn makes the sampled denominator an unbiased estimate of the whole one (Yi et al. 2019,
RecSys, "Sampling-bias-corrected neural modeling for large corpus item recommendations", section 3; OmniSearchSage,
arXiv 2404.16260).
"""

import torch
from torch import Tensor

from training.losses.contrastive import is_positive
from training.losses.errors import LossError


def log_inclusion(counts: Tensor, pairs: int, batch: int) -> Tensor:
    """Return the log of the probability that a note is in a batch of B pairs of P, float32 [N].

    counts int64 [N]: in how many of the P pairs each note is, on either side, at least 1. Drawn without replacement, as
    an epoch's order is: 1 − C(P − c, B) / C(P, B) = 1 − Π_{i<c} (1 − B / (P − i)). Raises LossError for a count outside
    1 … P (a note in no pair is in no batch: give it no correction) or a batch outside 1 … P.
    """
    if not 1 <= batch <= pairs:
        raise LossError(f"the batch has {batch} of {pairs} pairs: it must have at least 1 and no more than all")
    if not len(counts):
        return torch.zeros(0, device=counts.device)
    least, most = int(counts.min()), int(counts.max())
    if least < 1 or most > pairs:
        raise LossError(
            f"notes are counted in {least} to {most} of {pairs} pairs: each count must lie between 1 and {pairs}; "
            "leave out notes that are in no pair"
        )
    # Summed as logarithms: log-factorials of millions differ in digits that float64 no longer has.
    drawn = torch.arange(most, dtype=torch.float64, device=counts.device)
    missed = torch.log1p(-(batch / (pairs - drawn)).clamp(max=1)).cumsum(0)
    return torch.log(-torch.expm1(missed[counts - 1])).float()


def log_q_correction(counts: Tensor, pairs: int, batch: int) -> Tensor:
    """Return −log p of each candidate, float32 [N], to be given to `contrastive` as corrections.

    As in Yi et al. (section 3, sᶜ(x, y_j) = s(x, y_j) − log p_j) it applies to every logit, the positive's included, in
    numerator and denominator alike; a common factor of all p then cancels. `negatives_only` spares the positive.
    """
    return -log_inclusion(counts, pairs, batch)


def negatives_only(corrections: Tensor, positives: Tensor) -> Tensor:
    """Return corrections [N] as [M, N] with 0 at the positives, as in `contrastive`.

    The positive is in the denominator with certainty, not drawn, so that correcting it is a bias of its own
    (arXiv 2507.09331; the weights of samples that paper adds are not part of this).
    """
    return torch.where(is_positive(positives, len(corrections)), 0, corrections)
