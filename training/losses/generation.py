"""CSFT: the model that embeds a note also writes its hashtags and names its category (NoteLLM, arXiv 2403.01744, 4.3).

The losses of the small heads (encoders/heads) are the same two: `next_token` over what TagWords.batch gives, and
`category`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from encoders.heads.words import IGNORED
from training.losses.errors import LossError
from training.losses.precision import widened

# What part of a batch writes hashtags, and what generation weighs: the best of the published sweeps (section 5).
HASHTAG_SHARE, ALPHA = 0.4, 0.01


@dataclass(frozen=True, slots=True)
class Tasks:
    """Which rows of a batch write hashtags and which name their category, bool [B] each, on the CPU, never both."""

    hashtags: Tensor
    category: Tensor


def choose_tasks(
    has_tags: Tensor, has_category: Tensor, generator: torch.Generator, share: float = HASHTAG_SHARE
) -> Tasks:
    """Give each row of a batch its task: r = `share` of the rows that have one write hashtags, the rest their category.

    has_tags, has_category: bool [B]. A row with one of them alone does that, one with neither does nothing; among rows
    with both, chance decides who fills the share, rounded half up, so a batch has it exactly wherever it can. Raises
    LossError for a share outside 0 … 1.
    """
    if not 0 <= share <= 1:
        raise LossError(f"the share of hashtags is {share}: give a number from 0 to 1")
    tags, category = has_tags.cpu(), has_category.cpu()
    both = torch.nonzero(tags & category)[:, 0]
    alone = tags & ~category
    wanted = int(share * int((tags | category).sum()) + 0.5) - int(alone.sum())
    order = torch.randperm(len(both), generator=generator, device=generator.device).cpu()
    hashtags = alone.clone()
    hashtags[both[order[: max(wanted, 0)]]] = True
    return Tasks(hashtags, category & ~hashtags)


def output_targets(ids: Tensor, output: Tensor) -> Tensor:
    """Return what a causal model is trained to say behind each token, int64 [B, T]: the next one where that is output.

    ids int64 [B, T]; output bool [B, T]: which tokens the model is to write, its end token included; all else, prompt
    and padding, is IGNORED as a target.
    """
    following = torch.full_like(ids, IGNORED)
    following[:, :-1] = torch.where(output[:, 1:], ids[:, 1:], IGNORED)
    return following


def next_token(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean −log p over all tokens of the output, a scalar, 0 where there are none (NoteLLM, 4.3, L_gen).

    logits [B, T, V], of what follows each position; targets int64 [B, T], IGNORED outside the output.
    """
    return next_token_sums(logits, targets).sum() / (targets != IGNORED).sum().clamp(min=1)


def next_token_sums(logits: Tensor, targets: Tensor) -> Tensor:
    """Return each row's sum of −log p over its output, [B]; what micro-batches add up before they divide.

    logits [B, T, V], targets int64 [B, T] as in `next_token`.
    """
    flat = F.cross_entropy(widened(logits).flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view(targets.shape).sum(dim=1)


def category(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean −log p of the right category, a scalar; 0 where no note has one.

    logits [B, C]; targets int64 [B], IGNORED for a note without a known category.
    """
    summed = F.cross_entropy(widened(logits), targets, ignore_index=IGNORED, reduction="sum")
    return summed / (targets != IGNORED).sum().clamp(min=1)


def with_generation(contrastive: Tensor, generation: Tensor, alpha: float = ALPHA) -> Tensor:
    """Return (L_cl + α · L_gen) / (1 + α), a scalar (NoteLLM, section 4.3). Raises LossError for a negative α."""
    if alpha < 0:
        raise LossError(f"the weight of generation is {alpha}: give 0 or more")
    return (contrastive + alpha * generation) / (1 + alpha)
