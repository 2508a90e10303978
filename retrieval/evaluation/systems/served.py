"""A served index as it answers, approximate search included."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index import NoteIndex
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import in_parts, nothing
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores
from retrieval.evaluation.tied import score_pairs

Vectors = NDArray[np.float32]

_TOGETHER = 256
"""Queries searched at a time."""
_PAIRS = 8192
"""Pairs scored at a time; their vectors are read from the index."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexSystem:
    """Ranks through `index.search`; answers that are no candidates are dropped, and more asked for in their place.

    ids: the N notes of the pool, in its order. queries: float32 [N, dim], their unit vectors as queries; a zero row,
    of a note that lacks what is read, finds nothing. Ties stand by position, also where the last place is shared
    among what the index finds. Raises EvaluationError where ids, queries and the index do not fit.
    """

    name: str
    index: NoteIndex
    ids: Sequence[str]
    queries: Vectors

    def __post_init__(self) -> None:
        if self.queries.shape != (len(self.ids), self.index.dim):
            raise EvaluationError(
                f"{self.name}: queries are {list(self.queries.shape)} for {len(self.ids)} notes and an index of "
                f"{self.index.dim} dimensions. Give a row a note, made by the index's own encoder."
            )

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """See System.rank."""
        position = {name: place for place, name in enumerate(self.ids)}

        def rank(part: slice) -> Ranking:
            ranking = nothing(part.stop - part.start, depth)
            waiting = np.flatnonzero(self.queries[queries[part]].any(axis=1))
            count = depth + 2  # the query itself, and one that shows whether the last place is shared
            while len(waiting):
                asked = queries[part][waiting]
                answers = self.index.search(self.queries[asked], count)
                again = []
                for row, own, names, scores in zip(waiting, asked, answers.ids, answers.scores, strict=True):
                    places = np.array([position.get(name, -1) for name in names], dtype=np.int64)
                    kept = (places >= 0) & (places != own)
                    found, best = places[kept], scores[kept]
                    if len(names) == count and (len(found) < depth or best[depth - 1] == scores[-1]):
                        again.append(int(row))
                    order = np.lexsort((found, -best))[:depth]
                    ranking.positions[row, : len(order)], ranking.scores[row, : len(order)] = found[order], best[order]
                waiting, count = np.array(again, dtype=np.int64), count * 4
            return ranking

        return in_parts(len(queries), _TOGETHER, depth, rank, on_progress)

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:
        """See System.score_pairs. Exact scores of the vectors stored; -inf for a candidate the index does not hold."""
        scores = np.full(len(queries), -np.inf, dtype=np.float32)
        for start in range(0, len(queries), _PAIRS):
            part = slice(start, start + _PAIRS)
            needed, row = np.unique(candidates[part], return_inverse=True)
            stored = np.zeros((len(needed), self.index.dim), dtype=np.float32)
            there = np.zeros(len(needed), dtype=np.bool_)
            for place, record in enumerate(self.index.get([self.ids[i] for i in needed])):
                if record is not None:
                    stored[place], there[place] = record.vector, True
            exact = score_pairs(self.queries, stored, queries[part], row)
            scores[part] = np.where(there[row], exact, -np.inf)
        return scores
