"""The same for everyone: what most people looked at in training."""

from dataclasses import dataclass

import numpy as np

from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import best_of, in_parts, nothing
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores

_TOGETHER = 4096


@dataclass(frozen=True, slots=True, eq=False)
class PopularitySystem:
    """Ranks by the number of training users who looked at a note, the same for every query but for itself.

    popularity: int64 [N] (Pool.popularity); a cold note has 0, and all of those tie.
    """

    popularity: Positions
    name: str = "popularity"

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """See System.rank."""
        everyone = np.full(1, -1, dtype=np.int64)
        best = best_of(self.popularity[None].astype(np.float64), everyone, depth + 1)

        def rank(part: slice) -> Ranking:
            ranking = nothing(part.stop - part.start, depth)
            others = best.positions[0] != queries[part, None]
            others[others.all(axis=1), -1] = False  # a query that is not among the best: the last is one too many
            ranking.positions[:] = np.broadcast_to(best.positions, others.shape)[others].reshape(-1, depth)
            ranking.scores[:] = np.broadcast_to(best.scores, others.shape)[others].reshape(-1, depth)
            return ranking

        return in_parts(len(queries), _TOGETHER, depth, rank, on_progress)

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:  # noqa: ARG002 - the same for all
        """See System.score_pairs."""
        return self.popularity[candidates].astype(np.float32)
