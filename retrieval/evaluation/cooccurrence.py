"""How strongly two notes belong together in the eyes of some users: NoteLLM's weighted co-occurrence.

s(i, j) = Σ_u 1/N_u over users u who looked at both, N_u the number of notes u looked at (NoteLLM, arXiv 2403.01744,
section 4.2), so that people who look at everything say little.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import Positions

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Pairs that are summed up at a time, at most (some 200 MiB), but for a single note that has more.
PAIRS = 1 << 22


@dataclass(frozen=True)
class Cooccurrence:
    """Co-occurrence among the users of a matrix, float32 [U, N] of zeros and ones, by rows.

    min_users: fewer common users count as none. normalize: divide by √(n_i n_j), n_i = Σ_u 1/N_u over the users of i
    (so a score is at most 1). at_least, at_most: bounds on the sum before that, outside of which it counts as none.
    """

    seen: "csr_matrix"
    min_users: int = 5
    normalize: bool = True
    at_least: float | None = None
    at_most: float | None = None

    @cached_property
    def _weighted(self) -> "csr_matrix":
        """1/N_u in place of the ones, [U, N]."""
        from scipy.sparse import diags

        looked = np.asarray(self.seen.sum(axis=1), dtype=np.float64).ravel()
        return (diags(1 / np.maximum(looked, 1)) @ self.seen).tocsr()

    @cached_property
    def _by_note(self) -> "csr_matrix":
        return self.seen.T.tocsr()

    @cached_property
    def mass(self) -> NDArray[np.float64]:
        """n_i: Σ_u 1/N_u over the users of each note, float64 [N]."""
        return np.asarray(self._weighted.sum(axis=0)).ravel()

    def parts(self, notes: Positions) -> Iterator[slice]:
        """Cut some notes into runs that can be scored at once: one person who looked at everything makes rows full."""
        looked = np.asarray(self.seen.sum(axis=1), dtype=np.float64).ravel()
        longest = self.seen.shape[1]
        costs = np.minimum(self._by_note[notes] @ looked, longest) if len(notes) else np.empty(0)
        start, cost = 0, 0.0
        for place, each in enumerate(costs.tolist()):
            if place > start and cost + each > PAIRS:
                yield slice(start, place)
                start, cost = place, 0.0
            cost += each
        if start < len(notes):
            yield slice(start, len(notes))

    def rows(self, notes: Positions) -> "csr_matrix":
        """The scores of some notes with all, float64 [n, N], only those above 0 stored; a note has none with itself."""
        scores, users = self.pairs(notes)
        scores.data[users < self.min_users] = 0
        scores.eliminate_zeros()
        return scores

    def pairs(self, notes: Positions) -> "tuple[csr_matrix, NDArray[np.int64]]":
        """Scores as in `rows`, but from one common user on; and of each stored pair the number of those, int64."""
        from scipy.sparse import csr_matrix

        users_of = self._by_note[notes]
        together, sums = users_of @ self.seen, users_of @ self._weighted
        together.sort_indices()  # both store the same pairs, but each in an order of its own
        sums.sort_indices()
        row = np.repeat(np.arange(len(notes)), np.diff(sums.indptr))
        note, score, users = sums.indices, sums.data.astype(np.float64), together.data.astype(np.int64)
        kept = note != notes[row]
        if self.at_least is not None:
            kept &= score >= self.at_least
        if self.at_most is not None:
            kept &= score <= self.at_most
        row, note, score = row[kept], note[kept], score[kept]
        if self.normalize:
            score = score / np.sqrt(self.mass[notes[row]] * self.mass[note])
        offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(notes)))])
        return csr_matrix((score, note, offsets), shape=(len(notes), self.seen.shape[1])), users[kept]
