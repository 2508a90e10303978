"""What is evaluated: anything that ranks the notes of a pool for some of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import Positions

Scores = NDArray[np.float32]
OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best notes for Q queries, best first, each row as long as depth: positions int64 [Q, depth], scores float32.

    Ties stand by position. Where a system returns fewer notes, -1 and -inf fill the row's end. A query is never in its
    own row.
    """

    positions: Positions
    scores: Scores

    @property
    def depth(self) -> int:
        """How many places a row has."""
        return int(self.positions.shape[1])

    def padded(self, depth: int) -> "Ranking":
        """The same with rows at least `depth` long, of a pool that has fewer notes than that."""
        more = ((0, 0), (0, max(0, depth - self.depth)))
        scores = np.pad(self.scores, more, constant_values=-np.inf)
        return Ranking(np.pad(self.positions, more, constant_values=-1), scores)


class System(Protocol):
    """Ranks the N notes of a pool for queries among them."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """Return the best `depth` notes for each query; on_progress is told of queries done."""

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores | None:
        """Return the scores of P pairs, float32 [P]; None where the system only ranks."""
