"""Random, popularity, co-occurrence and BM25 against loops, the reference scorer's arithmetic and the oracle index."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from index import ExactIndex, Record
from index.schema import IndexSchema
from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.evaluation.systems.bm25 import Bm25System
from retrieval.evaluation.systems.cooccurrence import CooccurrenceSystem
from retrieval.evaluation.systems.popularity import PopularitySystem
from retrieval.evaluation.systems.random import RandomSystem


def test_random_rows_are_those_of_the_reference_scorer() -> None:
    size = 300
    scores = np.random.default_rng(0).random((size, size))
    queries = np.array([299, 0, 17])
    found = RandomSystem(np.arange(size)).rank(queries, size - 1)
    for row, query in enumerate(queries):
        own = scores[query].copy()
        own[query] = -np.inf
        np.testing.assert_array_equal(found.positions[row], np.argsort(-own, kind="stable")[:-1])
        np.testing.assert_array_equal(found.scores[row], np.sort(own)[::-1][:-1].astype(np.float32))


@pytest.mark.parametrize("gaps", [1, 7])
def test_random_does_not_depend_on_the_order_of_the_pool(gaps: int) -> None:
    """Places may have gaps, where notes of the corpus are no candidates."""
    size = 40
    shuffled = np.random.default_rng(1).permutation(size)
    queries = np.arange(10)
    plain = RandomSystem(np.arange(size), seed=4).rank(queries, size)
    pool = RandomSystem(gaps * shuffled, seed=4).rank(np.argsort(shuffled)[queries], size)
    names = np.where(pool.positions >= 0, shuffled[pool.positions], -1)
    np.testing.assert_array_equal(names, plain.positions)
    assert (RandomSystem(np.arange(size), seed=5).rank(queries, size).positions != plain.positions).any()


def test_random_pairs_are_cells_of_the_matrix_also_when_asked_twice() -> None:
    scores = np.random.default_rng(3).random((50, 50))
    queries, candidates = np.array([49, 0, 3, 3, 0]), np.array([49, 1, 2, 2, 0])
    got = RandomSystem(np.arange(50), seed=3).score_pairs(queries, candidates)
    np.testing.assert_array_equal(got, scores[queries, candidates].astype(np.float32))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 14))
def test_popularity_is_a_sort(popularity: list[int], depth: int) -> None:
    queries = np.arange(len(popularity))
    found = PopularitySystem(np.array(popularity)).rank(queries, depth)
    for query in queries:
        others = sorted((i for i in queries if i != query), key=lambda i: (-popularity[i], i))[:depth]
        padding = depth - len(others)
        assert found.positions[query].tolist() == others + [-1] * padding
        assert found.scores[query].tolist() == [popularity[i] for i in others] + [-np.inf] * padding


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_cooccurrence_is_a_loop_over_users(seed: int, min_users: int) -> None:
    """Σ_u 1/N_u over common users, divided by √(n_i n_j)."""
    users, size, depth = 15, 9, 5
    seen = np.random.default_rng(seed).random((users, size)) < 0.35
    system = CooccurrenceSystem(Cooccurrence(csr_matrix(seen.astype(np.float32)), min_users=min_users))
    weight = [1 / max(int(seen[u].sum()), 1) for u in range(users)]
    mass = [sum(weight[u] for u in range(users) if seen[u, i]) for i in range(size)]
    found = system.rank(np.arange(size), depth)
    for i in range(size):
        scores = {}
        for j in range(size):
            common = [u for u in range(users) if seen[u, i] and seen[u, j]]
            if j != i and common:  # pairs of enough people stand above all others
                scores[j] = np.float32(sum(weight[u] for u in common) / np.sqrt(mass[i] * mass[j]))
                scores[j] += len(common) >= min_users
        got = {int(j): s for j, s in zip(found.positions[i], found.scores[i], strict=True) if j >= 0}
        assert len(got) == min(depth, len(scores))
        assert list(got.values()) == pytest.approx(sorted(scores.values(), reverse=True)[:depth], rel=1e-6)
        assert got == pytest.approx({j: scores[j] for j in got}, rel=1e-6)


def test_cooccurrence_of_cold_notes_is_nothing_and_says_so() -> None:
    seen = csr_matrix(np.array([[1, 1, 0], [1, 1, 0]], dtype=np.float32))
    system = CooccurrenceSystem(Cooccurrence(seen, min_users=2))
    found = system.rank(np.array([0, 2]), 2)
    assert found.positions.tolist() == [[1, -1], [-1, -1]]
    # two users who each looked at two notes: (1/2 + 1/2) / √(1 · 1), and 1 for being enough of them
    assert found.scores.tolist() == [[2.0, -np.inf], [-np.inf, -np.inf]]
    assert system.score_pairs(np.array([0, 0, 2]), np.array([1, 2, 0])).tolist() == [2, 0, 0]
    assert "warm" in system.remark


TEXTS = [
    "上海咖啡探店 coffee shop",
    "coffee and cake in Shanghai",
    "上海火锅",
    "",
    "hiking at sunset",
    "hiking at sunset",
    "hiking at sunset with coffee",
]


def test_bm25_is_the_keyword_search_of_the_oracle_index() -> None:
    oracle = ExactIndex(2, schema=IndexSchema(text=("title",)))
    unit = np.array([1, 0], dtype=np.float32)
    oracle.upsert(Record(f"{i}", unit, {"title": text}, "") for i, text in enumerate(TEXTS))
    with Bm25System.build(iter(TEXTS)) as system:
        found = system.rank(np.arange(len(TEXTS)), 6)
    for query, text in enumerate(TEXTS):
        expected = oracle.keyword(text, 7) if text else None
        pairs = list(zip(expected.ids[0], expected.scores[0].tolist(), strict=True)) if expected else []
        pairs = [(int(name), score) for name, score in pairs if int(name) != query]
        positions = found.positions[query][found.positions[query] >= 0]
        assert positions.tolist() == [name for name, _ in pairs]
        np.testing.assert_allclose(found.scores[query][: len(pairs)], [score for _, score in pairs], rtol=1e-5)
    assert found.positions[3].tolist() == [-1] * 6
    assert found.positions[4][0] == 5


def test_bm25_keeps_only_the_texts_that_are_asked_for_and_cleans_up() -> None:
    with Bm25System.build(TEXTS, np.array([4])) as system:
        folder = Path(system.folder.name)
        assert folder.is_dir()
        assert dict(system.texts) == {4: TEXTS[4]}
        assert system.rank(np.array([4]), 2).positions.tolist() == [[5, 6]]
        pairs = system.score_pairs(np.array([4, 4, 4]), np.array([0, 5, 5]))
        assert pairs[0] == 0 < pairs[1] == pairs[2]
    assert not folder.exists()
    system.close()


def test_bm25_that_cannot_be_built_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken() -> object:
        yield "one"
        raise ValueError("lost")

    with pytest.raises(ValueError, match="lost") as caught:
        Bm25System.build(broken())  # type: ignore[arg-type]  # a generator of strings that breaks
    assert not list(tmp_path.iterdir())
    assert caught.tb  # which would keep a forgotten folder from being removed as garbage
