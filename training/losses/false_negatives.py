"""Candidates of a batch that are no negatives: masks to be left out of a softmax.

Every function returns bool [M, N], True where a candidate is to be left out, and never at a positive itself. They
combine by `|`, and `allowed=~mask` hands them to `contrastive`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.losses.contrastive import is_positive
from training.losses.errors import LossError
from training.losses.precision import dot, unit

# How much more similar than the positive a candidate may be (Qwen3-VL-Embedding, arXiv 2601.04720).
MARGIN = 0.1


def same_note(queries: Tensor, candidates: Tensor, positives: Tensor) -> Tensor:
    """Mark candidates that are the query's own note, or a positive's note once more; bool [M, N].

    queries int64 [M] and candidates int64 [N]: which notes they are. positives: as in `contrastive`.
    """
    chosen = is_positive(positives, len(candidates))
    # Over distinct notes, so that it stays a matrix: [M, U] is True where note u is a positive of query m.
    notes, place = torch.unique(candidates, return_inverse=True)
    wanted = torch.zeros(len(queries), len(notes), dtype=torch.bool, device=candidates.device)
    rows, columns = torch.nonzero(chosen, as_tuple=True)
    wanted[rows, place[columns]] = True
    return ((queries[:, None] == candidates) | wanted[:, place]) & ~chosen


@dataclass(frozen=True, slots=True)
class KnownPairs:
    """Which notes are known to belong together, whichever of them was the anchor.

    Note i has others[starts[i] : starts[i + 1]]; int64 [notes + 1] and [2P], on the device of the
    batch's ids.
    """

    starts: Tensor
    others: Tensor

    @classmethod
    def of(cls, pairs: Tensor, notes: int) -> "KnownPairs":
        """Take pairs int64 [P, 2] of so many notes, 0 … notes − 1. Raises LossError for a note beyond them."""
        if len(pairs) and (int(pairs.min()) < 0 or int(pairs.max()) >= notes):
            raise LossError(
                f"pairs name notes {int(pairs.min())} to {int(pairs.max())}, wanted 0 to {notes - 1}: number the notes "
                "of the pairs by their place among all notes"
            )
        anchors, others = torch.cat([pairs, pairs.flip(1)]).unbind(1)
        order = torch.argsort(anchors, stable=True)
        counts = torch.bincount(anchors, minlength=notes)
        return cls(torch.cat([counts.new_zeros(1), counts.cumsum(0)]), others[order])


def known_positives(queries: Tensor, candidates: Tensor, positives: Tensor, known: KnownPairs) -> Tensor:
    """Mark candidates that are known positives of the query, apart from those of this batch's pairs; bool [M, N].

    queries int64 [M] and candidates int64 [N]: notes as `known` numbers them; a negative number is no known note.
    Time grows with the known pairs of these queries, not with all pairs.
    """
    notes, place = torch.unique(candidates, return_inverse=True)
    inside = queries.clamp(min=0)
    first, stop = known.starts[inside], known.starts[inside + 1]
    counts = torch.where(queries < 0, 0, stop - first)
    rows = torch.repeat_interleave(torch.arange(len(queries), device=queries.device), counts)
    # The offset of each known pair within its query's own run.
    within = torch.arange(len(rows), device=queries.device) - (counts.cumsum(0) - counts)[rows]
    others = known.others[first[rows] + within]
    columns = torch.searchsorted(notes, others).clamp(max=len(notes) - 1)
    hit = notes[columns] == others
    marked = torch.zeros(len(queries), len(notes), dtype=torch.bool, device=queries.device)
    marked[rows[hit], columns[hit]] = True
    return marked[:, place] & ~is_positive(positives, len(candidates))


def near_duplicates(queries: Tensor, candidates: Tensor, positives: Tensor, threshold: float) -> Tensor:
    """Mark candidates whose cosine to the query is at least the threshold in a frozen reference space; bool [M, N].

    queries [M, R] and candidates [N, R]: vectors of any length from an encoder that is not trained; zero rows, of notes
    it cannot read, have no duplicates. Raises LossError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise LossError(f"the threshold of near-duplicates is {threshold}: give a cosine above 0 and at most 1")
    cosines = dot(unit(queries.detach()), unit(candidates.detach()).T)
    # Equal vectors can have a cosine of 1 − 1e-7.
    return (cosines >= threshold - 1e-6) & ~is_positive(positives, len(candidates))


def above_positive(similarities: Tensor, positives: Tensor, margin: float = MARGIN) -> Tensor:
    """Mark candidates with s > s⁺ + margin, too similar to be wrong; bool [M, N] (Qwen3-VL-Embedding, as above).

    similarities [M, N]: cosines, not yet scaled; taken without gradient. Of several positives s⁺ is the greatest; a
    query without any has none marked.
    """
    chosen = is_positive(positives, similarities.shape[1])
    values = similarities.detach()
    best = values.masked_fill(~chosen, -torch.inf).amax(dim=1, keepdim=True)
    return (values > best + margin) & chosen.any(dim=1, keepdim=True) & ~chosen
