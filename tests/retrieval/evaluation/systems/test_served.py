"""A served index among notes that are no candidates, with ties, and with queries that lack what is read."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.blocks import unit_rows
from index import ExactIndex, NoteIndex, Record
from index.base import Neighbours, Vectors
from index.filters.tree import Filter
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.ranking import nearest
from retrieval.evaluation.systems.served import IndexSystem


def filled(names: Sequence[str], vectors: np.ndarray) -> NoteIndex:
    index = ExactIndex(vectors.shape[1])
    index.upsert(Record(name, row, {}, "") for name, row in zip(names, vectors, strict=True))
    return index


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 12), st.integers(0, 60))
def test_it_is_exact_search_among_candidates_whatever_else_is_indexed(
    seed: int, depth: int, pool: int, strangers: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng.integers(-1, 2, size=(pool + strangers, 3)).astype(np.float32) + np.float32([0, 0, 3]))
    ids = [f"{i}" for i in rng.permutation(1000)[: pool + strangers]]  # their order is not that of positions
    system = IndexSystem("served", filled(ids, rows), ids[:pool], rows[:pool])
    own = np.arange(pool)
    found, exact = system.rank(own, depth), nearest(rows[:pool], rows[:pool], own, depth)
    np.testing.assert_array_equal(found.positions, exact.positions)
    np.testing.assert_array_equal(found.scores, exact.scores)


class Counting(ExactIndex):
    """Remembers how many neighbours it was asked for."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.asked: list[tuple[int, int]] = []

    def search(self, vectors: Vectors, k: int, where: "Filter | None" = None) -> Neighbours:
        self.asked.append((len(vectors), k))
        return super().search(vectors, k, where)


def test_it_asks_deeper_only_where_it_must() -> None:
    angles = np.linspace(0, 1, 50)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    index = Counting(2)
    index.upsert(Record(f"{i}", row, {}, "") for i, row in enumerate(rows))
    ids = [f"{i}" for i in (*range(20), *range(40, 50))]
    system = IndexSystem("served", index, ids, np.concatenate([rows[:20], rows[40:]]))
    found = system.rank(np.array([0, 19]), 3)
    assert found.positions.tolist() == [[1, 2, 3], [18, 17, 16]]
    assert index.asked == [(2, 5), (1, 20)]  # the note at the edge has candidates on one side only


def test_zero_queries_and_notes_not_indexed() -> None:
    rows = unit_rows(np.array([[1, 0], [1, 1], [0, 1], [1, 2]], dtype=np.float32))
    queries = rows.copy()
    queries[1] = 0
    system = IndexSystem("served", filled(["a", "b", "c"], rows[:3]), ["a", "b", "c", "d"], queries)
    found = system.rank(np.array([0, 1, 3]), 3)
    assert found.positions.tolist() == [[1, 2, -1], [-1, -1, -1], [1, 2, 0]]
    pairs = system.score_pairs(np.array([0, 0, 1]), np.array([1, 3, 0]))
    np.testing.assert_allclose(pairs, [np.sqrt(0.5), -np.inf, 0], rtol=1e-6)


def test_queries_of_another_encoder_are_refused() -> None:
    with pytest.raises(EvaluationError, match="2 dimensions"):
        IndexSystem("served", filled(["a"], np.eye(2, dtype=np.float32)[:1]), ["a"], np.ones((1, 3), dtype=np.float32))
