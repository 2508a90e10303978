"""Item-to-item by what training users looked at together: the baseline of warm notes, and of those alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import best_of, dense_step, in_parts, nothing
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True, eq=False)
class CooccurrenceSystem:
    """Ranks by weighted co-occurrence in training; notes that share fewer than min_users users come behind the rest.

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
        """See System.rank. A query that shares a user with no note has no answer."""
        size = self.training.seen.shape[1]

        def rank(part: slice) -> Ranking:
            ranking = nothing(part.stop - part.start, depth)
            scores = self._rows(queries[part])
            answered = np.flatnonzero(np.diff(scores.indptr))
            if len(answered):
                rows = scores[answered].toarray()
                rows[rows == 0] = -np.inf
                best = best_of(rows, queries[part][answered], depth)
                ranking.positions[answered], ranking.scores[answered] = best.positions, best.scores
            return ranking

        return in_parts(len(queries), dense_step(size), depth, rank, on_progress)

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:
        """See System.score_pairs. 0 where no user looked at both."""
        asked, row = np.unique(queries, return_inverse=True)
        scores = np.empty(len(queries), dtype=np.float32)
        step = dense_step(self.training.seen.shape[1])
        for start in range(0, len(asked), step):
            here = np.flatnonzero((row >= start) & (row < start + step))
            rows = self._rows(asked[start : start + step])
            scores[here] = np.asarray(rows[row[here] - start, candidates[here]]).ravel()
        return scores

    def _rows(self, notes: Positions) -> "csr_matrix":
        """Scores of some notes with all, float32 [n, N]: 0 to 1, and 1 more for pairs with enough users.

        Rounded before they are compared, so that ties are seen.
        """
        scores, users = self.training.pairs(notes)
        unit = scores.data if self.training.normalize else scores.data / (1 + scores.data)
        scores.data = (unit + (users >= self.training.min_users)).astype(np.float32)
        return scores
