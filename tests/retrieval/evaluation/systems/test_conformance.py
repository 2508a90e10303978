"""What every system promises, over all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from index import ExactIndex, FaissConfig, FaissIndex, NoteIndex, Record
from retrieval.evaluation import ranking
from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.evaluation.systems import bm25, popularity, served
from retrieval.evaluation.systems import vectors as vectors_module
from retrieval.evaluation.systems.base import Ranking, System
from retrieval.evaluation.systems.bm25 import Bm25System
from retrieval.evaluation.systems.cooccurrence import CooccurrenceSystem
from retrieval.evaluation.systems.popularity import PopularitySystem
from retrieval.evaluation.systems.random import RandomSystem
from retrieval.evaluation.systems.served import IndexSystem
from retrieval.evaluation.systems.vectors import VectorSystem

N, DIM = 60, 12
IDS = [f"笔记 {i}" for i in range(N)]
WORDS = ["上海", "咖啡", "coffee", "travel", "火锅", "sunset", "cat", "拍照", "hiking", "bread"]


def vectors() -> NDArray[np.float32]:
    """Unit rows, every fourth a copy of another."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((N, DIM)).astype(np.float32)
    rows[::4] = rows[1::4]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def training() -> csr_matrix:
    seen = np.random.default_rng(1).random((80, N)) < 0.2
    seen[:, 40:] = False  # cold
    seen[:, 3] = seen[:, 7]
    return csr_matrix(seen.astype(np.float32))


def texts() -> Iterator[str]:
    rng = np.random.default_rng(2)
    for place in range(N):
        yield " ".join(rng.choice(WORDS, size=4)) if place % 13 else ""


def indexed(index: NoteIndex) -> IndexSystem:
    rows = vectors()
    index.upsert(Record(f"stranger {i}", rows[i], {}, "") for i in range(0, N, 2))
    index.upsert(Record(IDS[i], rows[i], {}, "") for i in reversed(range(N)))
    return IndexSystem("served", index, IDS, rows)


def partial() -> VectorSystem:
    """Queries that drop the first half of the candidates' coordinates; of some nothing is left."""
    queries = vectors()
    queries[:, : DIM // 2] = 0
    queries[5:10] = 0
    return VectorSystem("partial", vectors(), queries)


MAKE: dict[str, Callable[[Path], System]] = {
    "vectors": lambda _: VectorSystem("vectors", vectors()),
    "partial": lambda _: partial(),
    "random": lambda _: RandomSystem(np.random.default_rng(3).permutation(1000)[:N]),
    "popularity": lambda _: PopularitySystem(np.random.default_rng(4).integers(0, 9, size=N)),
    "co-occurrence": lambda _: CooccurrenceSystem(Cooccurrence(training(), min_users=3)),
    "BM25": lambda _: Bm25System.build(texts()),
    "exact index": lambda _: indexed(ExactIndex(DIM)),
    "flat index": lambda path: indexed(
        FaissIndex.create(path / "i", dim=DIM, fingerprint="f", config=FaissConfig(kind="flat"))
    ),
}


@pytest.fixture(scope="module", params=MAKE)
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    made = MAKE[request.param](tmp_path_factory.mktemp("system"))
    yield made
    if isinstance(made, Bm25System):
        made.close()
    if isinstance(made, IndexSystem):
        made.index.close()


EVERY = np.random.default_rng(5).permutation(N)


def same(a: Ranking, b: Ranking) -> None:
    np.testing.assert_array_equal(a.positions, b.positions)
    np.testing.assert_array_equal(a.scores, b.scores)


def test_it_has_a_name(system: System) -> None:
    assert system.name


@pytest.mark.parametrize("depth", [1, 7, N - 1, N + 5])
def test_rows_are_ordered_padded_and_without_the_query(system: System, depth: int) -> None:
    found = system.rank(EVERY, depth)
    assert found.positions.shape == found.scores.shape == (N, depth)
    assert (found.positions.dtype, found.scores.dtype) == (np.int64, np.float32)
    for query, positions, scores in zip(EVERY, found.positions, found.scores, strict=True):
        there = positions >= 0
        assert query not in positions
        assert (np.diff(there.astype(int)) <= 0).all()  # what is missing is missing at the end
        assert (positions[~there] == -1).all()
        assert (scores[~there] == -np.inf).all()
        assert len(np.unique(positions[there])) == np.count_nonzero(there) < N
        assert positions.max() < N
        pairs = list(zip((-scores[there]).tolist(), positions[there].tolist(), strict=True))
        assert pairs == sorted(pairs)


def test_a_shallower_ranking_is_the_beginning_of_a_deeper_one(system: System) -> None:
    deep = system.rank(EVERY, N)
    for depth in (1, 4, 20):
        same(system.rank(EVERY, depth), Ranking(deep.positions[:, :depth], deep.scores[:, :depth]))


def test_which_queries_are_asked_together_changes_nothing(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, told = system.rank(EVERY, 9), list[int]()
    alone = [system.rank(EVERY[i : i + 1], 9) for i in range(N)]
    same(whole, Ranking(np.concatenate([r.positions for r in alone]), np.concatenate([r.scores for r in alone])))
    monkeypatch.setattr(ranking, "_QUERIES", 5)
    monkeypatch.setattr(ranking, "_CHUNK", 100)
    monkeypatch.setattr(ranking, "_DENSE", 3 * N)
    for module in (bm25, popularity, served, vectors_module):
        monkeypatch.setattr(module, "_TOGETHER", 7)
    same(whole, system.rank(EVERY, 9, told.append))
    assert sum(told) == N
    assert len(told) > 5


def test_pairs_score_as_in_the_ranking(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_DENSE", 3 * N)
    monkeypatch.setattr(served, "_PAIRS", 100)
    found = system.rank(EVERY, N)
    rows, places = np.nonzero(found.positions >= 0)
    shuffled = np.random.default_rng(6).permutation(len(rows))
    rows, places = rows[shuffled], places[shuffled]
    scores = system.score_pairs(EVERY[rows], found.positions[rows, places])
    assert scores is not None
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, found.scores[rows, places], rtol=2e-6)


def test_no_query_and_no_pair_are_fine(system: System) -> None:
    none = np.empty(0, dtype=np.int64)
    assert system.rank(none, 3).positions.shape == (0, 3)
    assert system.score_pairs(none, none).shape == (0,)  # type: ignore[union-attr]  # all of these score pairs
