"""A contrastive loss over a few queries at a time.

The similarities of 16,384 notes to one another are 1 GiB, and a loss over them holds several such matrices. Rows of a
softmax do not depend on one another, so they can be made, used and made again for the gradient.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from training.losses.errors import LossError


def in_chunks(loss: Callable[[slice], Tensor], queries: int, size: int) -> Tensor:
    """Return the mean over so many queries of a loss that is a mean over the rows of a slice, a scalar.

    loss: given rows start … stop of the queries, their mean loss, against all candidates; it makes its masks for these
    rows itself, and neither draws random numbers nor gathers from other processes. It runs once forward and once more
    on the way back (gradient checkpointing, arXiv 1604.06174), so that one chunk's matrices [size, N] are held at a
    time; the numbers are those of one chunk up to rounding. Raises LossError without queries, or for a size below 1.
    """
    if queries < 1 or size < 1:
        raise LossError(f"got {queries} queries in chunks of {size}: both must be at least 1")
    total: Tensor | None = None
    for start in range(0, queries, size):
        rows = slice(start, min(start + size, queries))
        mean = checkpoint(loss, rows, use_reentrant=False, preserve_rng_state=False)
        assert isinstance(mean, Tensor)
        share = mean * ((rows.stop - rows.start) / queries)
        total = share if total is None else total + share
    assert total is not None
    return torch.as_tensor(total)
