"""Item-to-item by what training users looked at together: the baseline of warm notes, and of those alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import best_of, dense_step, in_parts
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True, eq=False)
class CooccurrenceSystem:
    """Ranks by weighted co-occurrence in training; notes that share too few users with the query are not ranked.

    training: how notes belong together for the training users, over the pool's N notes in their order
    (`Cooccurrence(pool.training)`).
    """

    training: Cooccurrence
    name: str = "co-occurrence"

    @property
    def remark(self) -> str:
        """What the reader must know to compare fairly."""
        return "warm notes only: nobody looked at a cold note in training, so it is neither answered nor found"

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """See System.rank."""

        def rank(part: slice) -> Ranking:
            scores = self._rows(queries[part]).toarray()
            scores[scores == 0] = -np.inf
            return best_of(scores, queries[part], depth)

        size = self.training.seen.shape[1]
        return in_parts(len(queries), dense_step(size), depth, rank, on_progress)

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:
        """See System.score_pairs. 0 where too few users looked at both."""
        asked, row = np.unique(queries, return_inverse=True)
        scores = np.empty(len(queries), dtype=np.float32)
        step = dense_step(self.training.seen.shape[1])
        for start in range(0, len(asked), step):
            here = np.flatnonzero((row >= start) & (row < start + step))
            rows = self._rows(asked[start : start + step])
            scores[here] = np.asarray(rows[row[here] - start, candidates[here]]).ravel()
        return scores

    def _rows(self, notes: Positions) -> "csr_matrix":
        """Scores of some notes with all, float32 [n, N]: rounded before they are compared, so that ties are seen."""
        return self.training.rows(notes).astype(np.float32)
