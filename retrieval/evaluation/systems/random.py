"""Chance: what a ranking is worth that knows nothing."""

from dataclasses import dataclass

import numpy as np

from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import best_of, dense_step, in_parts
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores


@dataclass(frozen=True, slots=True, eq=False)
class RandomSystem:
    """Ranks by uniform scores: those of a note are its row of `numpy.random.default_rng(seed).random((N, N))`.

    order: int64 [N], the notes' places in the corpus. Rows and columns of that matrix are the pool's notes in the order
    of the corpus, so the outcome depends neither on the pool's order nor on which queries are asked together.
    Scores are compared in float64 and rounded to float32 afterwards, which may make neighbours equal.
    """

    order: Positions
    seed: int = 0

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return "random"

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """See System.rank."""
        column, size = self._columns(), len(self.order)

        def rank(part: slice) -> Ranking:
            rows = np.empty((part.stop - part.start, size))
            for row, place in zip(rows, column[queries[part]].tolist(), strict=True):
                row[:] = self._generator(place * size).random(size)[column]
            return best_of(rows, queries[part], depth)

        return in_parts(len(queries), dense_step(size), depth, rank, on_progress)

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:
        """See System.score_pairs."""
        column, size = self._columns(), len(self.order)
        cells, pair_of = np.unique(column[queries] * size + column[candidates], return_inverse=True)
        generator, bits_at, scores = self._generator(0), 0, np.empty(len(cells), dtype=np.float32)
        for place, cell in enumerate(cells.tolist()):
            bits = generator.bit_generator
            assert isinstance(bits, np.random.PCG64)
            bits.advance(cell - bits_at)
            scores[place], bits_at = generator.random(), cell + 1
        return scores[pair_of]

    def _columns(self) -> Positions:
        """Each note's place among the pool's in the order of the corpus, int64 [N]."""
        columns = np.empty(len(self.order), dtype=np.int64)
        columns[np.argsort(self.order, kind="stable")] = np.arange(len(self.order))
        return columns

    def _generator(self, drawn: int) -> np.random.Generator:
        """Return the generator as it is after so many draws."""
        bits = np.random.PCG64(self.seed)
        bits.advance(drawn)
        return np.random.Generator(bits)
