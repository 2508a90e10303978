"""Exact ranking against a loop over all candidates, above all where scores tie or nearly do."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.ranking import inner_products
from retrieval.evaluation import ranking, tied
from retrieval.evaluation.ranking import best_of, nearest
from retrieval.evaluation.systems.base import Ranking

Vectors = NDArray[np.float32]


def naive(rows: list[list[float]], own: NDArray[np.int64], depth: int) -> Ranking:
    """Sort all candidates of every row by score, then by position."""
    out = Ranking(np.full((len(rows), depth), -1), np.full((len(rows), depth), -np.inf, dtype=np.float32))
    for i, scores in enumerate(rows):
        places = [j for j in range(len(scores)) if j != own[i] and scores[j] > -np.inf]
        places.sort(key=lambda j: (-scores[j], j))
        for rank, j in enumerate(places[:depth]):
            out.positions[i, rank], out.scores[i, rank] = j, scores[j]
    return out


def naive_nearest(queries: Vectors, candidates: Vectors, own: NDArray[np.int64], depth: int) -> Ranking:
    return naive([inner_products(query, candidates).tolist() for query in queries], own, depth)


def same(a: Ranking, b: Ranking) -> None:
    np.testing.assert_array_equal(a.positions, b.positions)
    np.testing.assert_array_equal(a.scores, b.scores)
    assert a.positions.dtype == np.int64
    assert a.scores.dtype == np.float32


def unit(rng: np.random.Generator, count: int, dim: int) -> Vectors:
    vectors = rng.standard_normal((count, dim)).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def tiny_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_QUERIES", 7)
    monkeypatch.setattr(ranking, "_CHUNK", 1000)
    monkeypatch.setattr(tied, "_TOGETHER", 300)


FLOODS = ("distinct", "few values", "copies", "collapsed", "mostly zero", "other block", "unequal norms")


def flood(kind: str, rng: np.random.Generator, count: int, dim: int) -> Vectors:
    """Candidates that tie, or nearly tie, in a way of their own."""
    vectors = unit(rng, count, dim)
    match kind:
        case "few values":
            return (np.round(vectors * 2) / 2).astype(np.float32)
        case "copies":
            return vectors[rng.integers(0, min(5, count), size=count)]
        case "collapsed":
            return vectors[:1] + np.float32(1e-8) * vectors
        case "mostly zero":
            vectors[rng.random(count) < 0.95] = 0
        case "other block":
            vectors[:, dim // 2 :][rng.random(count) < 0.9] = 0
            vectors[:, : dim // 2][rng.random(count) < 0.9] = 0
        case "unequal norms":
            vectors *= np.exp(rng.uniform(-9, 9, size=(count, 1))).astype(np.float32)
    return vectors


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("depth", [1, 10, 100])
def test_nearest_is_the_naive_order_bit_for_bit(kind: str, depth: int) -> None:
    rng = np.random.default_rng(depth)
    candidates = flood(kind, rng, 700, 24)
    own = rng.choice(700, 30, replace=False)
    own[::3] = -1
    queries = np.where(own[:, None] >= 0, candidates[own], unit(rng, 30, 24))
    queries[-1], own[-1] = 0, 3
    same(nearest(queries, candidates, own, depth), naive_nearest(queries, candidates, own, depth))


@pytest.mark.usefixtures("tiny_chunks")
@pytest.mark.parametrize("kind", FLOODS)
def test_chunks_change_nothing(kind: str) -> None:
    rng = np.random.default_rng(1)
    candidates, own = flood(kind, rng, 500, 10), np.arange(0, 500, 11)
    same(nearest(candidates[own], candidates, own, 8), naive_nearest(candidates[own], candidates, own, 8))


@pytest.mark.parametrize("queries", [1, 60, 213, 300])
def test_any_number_of_queries(queries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAISS scores few queries, up to 213 of 600 dimensions, in another way than more."""
    monkeypatch.setattr(ranking, "_CHUNK", 50 * 600)
    rng = np.random.default_rng(queries)
    candidates, own = unit(rng, 320, 600), np.arange(queries)[::-1]
    same(nearest(candidates[own], candidates, own, 5), naive_nearest(candidates[own], candidates, own, 5))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.integers(1, 9), st.integers(1, 15), st.integers(0, 2**32 - 1), st.sampled_from(FLOODS))
def test_nearest_of_any_small_pool(count: int, dim: int, depth: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    candidates = flood(kind, rng, count, dim) if count else np.zeros((0, dim), dtype=np.float32)
    queries = unit(rng, 4, dim) * (rng.random((4, 1)) < 0.8)
    own = rng.integers(-1, max(count, 1) if count else 0, size=4)
    same(
        nearest(queries.astype(np.float32), candidates, own, depth),
        naive_nearest(queries.astype(np.float32), candidates, own, depth),
    )


def test_equal_vectors_tie_wherever_they_stand_and_however_wide() -> None:
    """A product of a library sums the last rows of a block in another order than the others."""
    rng = np.random.default_rng(5)
    candidates = np.repeat(unit(rng, 3, 333), 41, axis=0)[rng.permutation(123)]
    queries = unit(rng, 25, 333)
    for positions, scores in zip(*_rows(nearest(queries, candidates, np.full(25, -1), 123)), strict=True):
        assert len(np.unique(scores)) == 3
        for level in np.unique(scores):
            assert (np.diff(positions[scores == level]) > 0).all()


def _rows(found: Ranking) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    return found.positions, found.scores


def test_a_tie_at_the_last_place_is_decided_by_position_among_all() -> None:
    candidates = np.zeros((5000, 4), dtype=np.float32)
    candidates[:, 0] = 1
    candidates[4000] = [2, 0, 0, 0]
    found = nearest(candidates[:1], candidates, np.array([2]), 4)
    assert found.positions.tolist() == [[4000, 0, 1, 3]]
    assert found.scores.tolist() == [[2, 1, 1, 1]]


def test_a_zero_query_ranks_all_by_position_without_itself() -> None:
    candidates = unit(np.random.default_rng(0), 5, 3)
    zero = np.zeros((2, 3), dtype=np.float32)
    found = nearest(zero, candidates, np.array([1, -1]), 6)
    assert found.positions.tolist() == [[0, 2, 3, 4, -1, -1], [0, 1, 2, 3, 4, -1]]
    assert found.scores[0].tolist() == [0, 0, 0, 0, -np.inf, -np.inf]


def test_candidates_may_be_mapped_from_a_file_or_lie_in_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    vectors, own = unit(rng, 300, 12), np.arange(20)
    expected = naive_nearest(vectors[own], vectors, own, 9)
    np.save(tmp_path / "v.npy", vectors)
    same(nearest(vectors[own], np.load(tmp_path / "v.npy", mmap_mode="r"), own, 9), expected)
    same(nearest(vectors[own], np.asfortranarray(vectors), own, 9), expected)
    wide = np.concatenate([vectors, vectors], axis=1)
    same(nearest(vectors[own], wide[:, :12], own, 9), expected)


def test_progress_is_told_of_every_query(tiny_chunks: None) -> None:
    vectors, told = unit(np.random.default_rng(0), 30, 4), list[int]()
    nearest(vectors, vectors, np.arange(30), 3, told.append)
    assert sum(told) == 30
    assert told == [6] * 5  # blocks of 7 at most, alike


def test_products_that_may_round_either_way_are_summed_one_by_one() -> None:
    """1 + 2⁻²⁴ lies halfway between two float32 numbers; one bit far below decides."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((400, 64)).astype(np.float32)
    vectors[:200] = 0
    vectors[:200, :3] = [1, 2.0**-24, 0]
    vectors[100:200, 2] = 2.0**-40
    queries = np.concatenate([np.ones((1, 64), dtype=np.float32), unit(rng, 5, 64)])
    expected = np.stack([inner_products(query, vectors) for query in queries])
    np.testing.assert_array_equal(tied._exact(queries, vectors), expected)
    assert len(np.unique(expected[0, :200])) == 2


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 6), st.integers(0, 9), st.integers(1, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_best_of_any_rows(count: int, size: int, depth: int, seed: int, wide: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, size=(count, size)).astype(np.float64 if wide else np.float32)
    scores[rng.random(scores.shape) < 0.2] = -np.inf
    own = rng.integers(-1, size, size=count) if size else np.full(count, -1)
    before = scores.copy()
    same(best_of(scores, own, depth), naive(scores.tolist(), own, depth))
    np.testing.assert_array_equal(scores, before)


def test_float64_scores_are_compared_before_they_are_rounded() -> None:
    scores = np.array([[0.1, 0.1 + 1e-12, 0.1 + 2e-12]])
    found = best_of(scores, np.array([-1]), 3)
    assert found.positions.tolist() == [[2, 1, 0]]
    assert (found.scores == np.float32(0.1)).all()
