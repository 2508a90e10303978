"""Texts of like length side by side, and little padding."""

from collections.abc import Iterator, Sequence

import torch


def by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield the positions of N texts in batches of at most `budget` tokens, padding included, longest first.

    Texts of no tokens are left out; one longer than the budget is a batch of its own.
    """
    order = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    while order:
        size = max(1, budget // lengths[order[0]])
        batch, order = order[:size], order[size:]
        yield batch


def pad(rows: Sequence[Sequence[int]], fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ids of B texts, filled up at the right, and their mask (1 real, 0 padding): int64 [B, L] each."""
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), fill, dtype=torch.int64)
    mask = torch.zeros(len(rows), length, dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask
