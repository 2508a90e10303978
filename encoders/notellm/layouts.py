"""Sequences of different lengths in one forward pass: side by side in one row, or padded at the left or right.

All layouts give the same states, because a token sees the shared prefix and what precedes it in its own sequence,
and its position counts from the start of that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Layout = Literal["packed", "left", "right"]


@dataclass(frozen=True, slots=True)
class Arranged:
    """How N sequences lie in rows: B rows of L tokens, P tokens of prefix before each.

    index: int64 [total], where the tokens of the sequences, one after the other, lie in [B·L].
    positions: int64 [B, L]. mask: bool [B or 1, 1, L, P+L], True where a token is seen; None: plain causal attention.
    """

    rows: int
    width: int
    index: Tensor
    positions: Tensor
    mask: Tensor | None

    def fill(self, tokens: Tensor, blank: int = 0) -> Tensor:
        """Lay out ids [total] or embeddings [total, H] as [B, L] or [B, L, H]."""
        empty = tokens.new_full((self.rows * self.width, *tokens.shape[1:]), blank)
        filled = empty.index_copy(0, self.index, tokens)
        return filled.reshape(self.rows, self.width, *tokens.shape[1:])


def arrange(lengths: Sequence[int], layout: Layout, prefix: int, device: torch.device) -> Arranged:
    """Lay out N sequences of these lengths behind a prefix of so many tokens."""
    sizes = torch.tensor(lengths, device=device)
    total = int(sizes.sum())
    owners = torch.repeat_interleave(torch.arange(len(lengths), device=device), sizes)  # [total]
    starts = torch.cumsum(sizes, 0) - sizes
    within = torch.arange(total, device=device) - starts[owners]  # [total], a token's place in its sequence
    if layout == "packed":
        # A token sees the prefix, and of its own sequence what is not behind it.
        same = owners[:, None] == owners[None, :]
        own = same & (within[:, None] >= within[None, :])
        packed = torch.cat([own.new_ones(total, prefix), own], dim=1)
        return Arranged(1, total, torch.arange(total, device=device), (within + prefix)[None], packed[None, None])
    rows, width = len(lengths), max(lengths)
    columns = torch.arange(width, device=device)
    causal = columns[:, None] >= columns[None, :]  # [L, L]
    before = causal.new_ones(width, prefix)
    if layout == "right":
        # What is padded stands behind every real token, so causality alone hides it.
        mask = torch.cat([before, causal], dim=1)[None, None] if prefix else None
        positions = (columns + prefix).expand(rows, width)
        return Arranged(rows, width, owners * width + within, positions, mask)
    padding = width - sizes  # [B]
    real = columns >= padding[:, None]  # [B, L]
    # Padding sees itself: a row of nothing but hidden tokens would be NaN.
    own = (causal & real[:, None, :]) | torch.eye(width, dtype=torch.bool, device=device)  # [B, L, L]
    padded = torch.cat([before.expand(rows, width, prefix), own], dim=2)[:, None]
    positions = (columns - padding[:, None]).clamp(min=0) + prefix
    return Arranged(rows, width, owners * width + within + padding[owners], positions, padded)


def batches(lengths: Sequence[int], layout: Layout, budget: int) -> Iterator[list[int]]:
    """Split sequences into batches of at most `budget` tokens, padding included, or one sequence.

    The longest come first, so that rows of one batch are of nearly one length.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batch: list[int] = []
    used = 0
    for i in order:
        # The first of a batch is its longest: the width of every row.
        cost = lengths[i] if layout == "packed" or not batch else lengths[batch[0]]
        if batch and used + cost > budget:
            yield batch
            batch, used, cost = [], 0, lengths[i]
        batch.append(i)
        used += cost
    if batch:
        yield batch
