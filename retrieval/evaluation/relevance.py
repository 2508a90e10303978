"""What counts as a right answer: the notes that held-out users looked at together with a query."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.evaluation.facts import Positions

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Grades of graded relevance: the best third of a query's co-occurrence, the middle one, the rest.
TIERS = 3


class RelevanceConfig(BaseModel):
    """Which co-occurring notes are relevant: the best `top`, from `min_users` common users on.

    normalize: divide Σ_u 1/N_u by √(n_i n_j), n being a note's sum over its own users; without it popular notes are
    relevant to everything. at_least, at_most: bounds on the sum itself (NoteLLM, arXiv 2403.01744, drops pairs below
    .01 and above 30). graded: grades 1 to 3 by the share of the query's best score, else all 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: int = Field(10, ge=1)
    min_users: int = Field(5, ge=1)
    normalize: bool = True
    at_least: float | None = None
    at_most: float | None = None
    graded: bool = False


@dataclass(frozen=True, slots=True)
class Relevance:
    """Relevant notes of Q queries, best first: of query q those at offsets[q]:offsets[q + 1].

    offsets: int64 [Q + 1]; positions: int64 [R], in the order of the pool's notes; grades: int32 [R], 1 or more
    (all 1 where relevance is binary).
    """

    offsets: Positions
    positions: Positions
    grades: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> Positions:
        """How many notes are relevant to each query, int64 [Q]."""
        return np.diff(self.offsets)

    def of(self, query: int) -> Positions:
        """The notes relevant to one query, int64."""
        return self.positions[self.offsets[query] : self.offsets[query + 1]]

    def take(self, queries: Positions) -> "Relevance":
        """The rows of some queries."""
        lengths = self.counts[queries]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.offsets[queries] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Relevance(offsets, self.positions[places], self.grades[places])

    def among(self, allowed: NDArray[np.bool_]) -> "Relevance":
        """Only those relevant notes whose position is allowed, bool [N]; queries may be left with none."""
        kept = allowed[self.positions]
        counted = np.concatenate([[0], np.cumsum(kept)])
        return Relevance(counted[self.offsets], self.positions[kept], self.grades[kept])


def mine_relevance(seen: "csr_matrix", queries: Positions, config: RelevanceConfig = RelevanceConfig()) -> Relevance:
    """Relevant notes of Q queries by the co-occurrence of held-out users; queries may have none.

    seen: who looked at what, float32 [U, N] of zeros and ones. Notes of equal score come in their order.
    """
    pairs = Cooccurrence(seen, config.min_users, config.normalize, config.at_least, config.at_most)
    counts, positions, grades = [np.zeros(1, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    for part in pairs.parts(queries):
        scores = pairs.rows(queries[part])
        row = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
        note, score = scores.indices.astype(np.int64), scores.data
        # Sums of the same weights in another order differ in the last bits, and must not settle what is equal.
        order = np.lexsort((note, -np.round(score, 12), row))
        row, note, score = row[order], note[order], score[order]
        first = np.searchsorted(row, np.arange(scores.shape[0]))
        best = np.arange(len(row)) - first[row] < config.top
        counts.append(np.bincount(row[best], minlength=scores.shape[0]))
        positions.append(note[best])
        share = score / score[first[row]] if config.graded else np.full(len(row), 1 / TIERS)
        grades.append(np.ceil(share[best] * TIERS - 1e-9).astype(np.int32))
    return Relevance(np.cumsum(np.concatenate(counts)), np.concatenate(positions), np.concatenate(grades))
