"""Who is left out of a softmax, and what is added to its logits, for some rows of a batch against all of it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.batches.graph import PairGraph
from training.errors import TrainingError
from training.losses.false_negatives import KnownPairs, above_positive, known_positives, near_duplicates
from training.losses.precision import dot
from training.losses.sampling_bias import log_q_correction, negatives_only
from training.recipes.config import BatchConfig, LossConfig


class Candidates(nn.Module):
    """What masks and logQ say of a batch's candidates.

    reference: float [N, R], vectors of the graph's notes by an encoder that is not trained, zeros for notes it cannot
    read; needed for masks.duplicates. Raises TrainingError where it is missing, or of other notes.
    """

    _starts: Tensor
    _others: Tensor
    _counts: Tensor
    _reference: Tensor

    def __init__(
        self, graph: PairGraph, loss: LossConfig, batch: BatchConfig, reference: NDArray[np.float32] | None
    ) -> None:
        super().__init__()
        if loss.masks.duplicates is not None and (reference is None or len(reference) != len(graph)):
            got = "none" if reference is None else f"{len(reference):,}"
            raise TrainingError(
                f"masks.duplicates needs a reference vector of each of {len(graph):,} notes, got {got}: give them in "
                "the order of graph.ids, or leave the mask off"
            )
        self._masks, self._logq = loss.masks, loss.logq
        counts, self._pairs = graph.frequencies(batch.anchors)
        # Not in checkpoints: all of it follows from the pairs.
        for name, values in (("_starts", graph.starts), ("_others", graph.others), ("_counts", counts)):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        kept = torch.empty(0) if reference is None else torch.as_tensor(reference)
        self.register_buffer("_reference", kept, persistent=False)

    def allowed(self, rows: Tensor, notes: Tensor, part: slice, positives: Tensor) -> Tensor:
        """Say who is a candidate of some rows, bool [M, N]: not the note itself, and none that a mask leaves out.

        rows [N, D]: unit embeddings of different notes int64 [N]; positives: as in `contrastive`, of the M rows of
        `part`. Positives are allowed whatever the masks say.
        """
        queries = notes[part]
        out = queries[:, None] == notes
        if self._masks.known:
            out |= known_positives(queries, notes, positives, KnownPairs(self._starts, self._others))
        if self._masks.duplicates is not None:
            reference = self._reference[notes]
            out |= near_duplicates(reference[part], reference, positives, self._masks.duplicates)
        if self._masks.margin is not None:
            with torch.no_grad():
                out |= above_positive(dot(rows[part], rows.T), positives, self._masks.margin)
        return ~out

    def corrections(self, notes: Tensor, positives: Tensor, pairs: int) -> Tensor | None:
        """Return logQ's corrections [M, N] of notes int64 [N] in a batch of so many pairs, None where it is off.

        The positives', as in `contrastive`, are 0: they are in the batch with certainty.
        """
        if not self._logq:
            return None
        return negatives_only(log_q_correction(self._counts[notes], self._pairs, pairs), positives)
