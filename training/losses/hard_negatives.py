"""Hard negatives: notes similar to the query by the encoder as it is now, but not so similar as to be positives."""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.losses.errors import LossError


@dataclass(frozen=True, slots=True)
class Band:
    """Which similarities s make a hard negative, given the positive's s⁺: max(floor, s⁺ − reach) ≤ s ≤ ceiling.

    The ceiling is the least of s⁺ − margin, share · s⁺ (NV-Retriever, arXiv 2407.15831, section 3: TopK-MarginPos and
    TopK-PercPos) and an absolute bound, `below` (SAIL-Embedding, arXiv 2510.12709: the threshold that parts positives
    from negatives best). The defaults bound nothing but s ≤ s⁺. Raises LossError for a share outside (0, 1] or a
    negative margin, with which a negative could be more similar than the positive.
    """

    floor: float = -1.0
    reach: float = 2.0
    margin: float = 0.0
    share: float = 1.0
    below: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.margin < 0:
            raise LossError(
                f"the band has share {self.share} and margin {self.margin}: give a share above 0, at most 1, and a "
                "margin of 0 or more"
            )

    def holds(self, similarities: Tensor, of_positive: Tensor) -> Tensor:
        """Say which similarities [M, N] lie in the band of their query, whose positive has s⁺ [M]; bool [M, N].

        Both are taken without gradient. A share lowers s⁺ only where s⁺ is positive.
        """
        values, best = similarities.detach(), of_positive.detach()[:, None]
        ceiling = torch.minimum(best - self.margin, best * self.share).clamp(max=self.below)
        return (values >= (best - self.reach).clamp(min=self.floor)) & (values <= ceiling)


def hardest(similarities: Tensor, eligible: Tensor, count: int) -> Tensor:
    """Choose of each query the `count` most similar eligible candidates, int64 [M, count]; −1 where there are no more.

    similarities [M, N], eligible bool [M, N]. Most similar first; of equal ones the first. (SAIL-Embedding takes the
    highest below its threshold.)
    """
    return _first(torch.where(eligible, similarities.detach().double(), -torch.inf), count)


def sample(eligible: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Choose of each query `count` eligible candidates at random, int64 [M, count]; −1 where there are no more.

    eligible bool [M, N]. Every candidate is as likely as another, none is chosen twice. Numbers are drawn on the
    generator's own device, so that one on the CPU chooses alike everywhere.
    """
    keys = torch.rand(eligible.shape, generator=generator, device=generator.device, dtype=torch.float64)
    return _first(torch.where(eligible, keys.to(eligible.device), -torch.inf), count)


def taken(embeddings: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Return negatives [M, H, D] and negatives_allowed [M, H] as `contrastive` takes them.

    embeddings [N, D], chosen int64 [M, H] among them. Choices of −1 are not allowed, and stand for the first embedding.
    """
    return embeddings[chosen.clamp(min=0)], chosen >= 0


def best_threshold(positives: Tensor, negatives: Tensor) -> float:
    """Return the similarity from which on calling pairs positive has the greatest F1 (SAIL-Embedding, as above).

    positives [P] and negatives [Q]: similarities of pairs known to be such. The greatest threshold of equal F1. Raises
    LossError without positives.
    """
    if not len(positives):
        raise LossError("there are no positive pairs to take a threshold from: give at least one")
    values = torch.cat([positives, negatives]).detach().double()
    true = torch.cat([torch.ones(len(positives)), torch.zeros(len(negatives))]).to(values)
    thresholds, place = torch.unique(values, return_inverse=True)
    counts = torch.zeros(2, len(thresholds), dtype=torch.float64, device=values.device)
    counts[0].index_add_(0, place, true)
    counts[1].index_add_(0, place, torch.ones_like(values))
    # From the greatest threshold down: found positives, called positives.
    found, called = counts.flip(1).cumsum(1)
    f1 = 2 * found / (called + len(positives))
    return float(thresholds.flip(0)[int((f1 == f1.max()).nonzero()[0])])


def _first(keys: Tensor, count: int) -> Tensor:
    """Return where the `count` greatest keys of each row stand, ties by place; −1 for keys of −∞ and beyond the row."""
    order = torch.sort(keys, dim=1, descending=True, stable=True)
    chosen = torch.where(order.values == -torch.inf, -1, order.indices)[:, :count]
    return torch.nn.functional.pad(chosen, (0, count - chosen.shape[1]), value=-1)
