"""The recall of indexes that are exact, coarse or partly foreign, against a count."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders.blocks import unit_rows
from index import ExactIndex, FaissConfig, FaissIndex, NoteIndex, Record
from index.base import Neighbours, Vectors
from index.filters.tree import Filter
from index.ranking import inner_products
from retrieval.evaluation.index_recall import index_recall
from retrieval.evaluation.ranking import nearest
from retrieval.evaluation.systems.base import Ranking


class Coarse(ExactIndex):
    """Looks at one list of eight: the notes whose greatest coordinate is the query's, as a coarse IVF index does."""

    def search(self, vectors: Vectors, k: int, where: "Filter | None" = None) -> Neighbours:
        found = super().search(vectors, self.count(), where)
        ids, scores = [], []
        for query, names, row in zip(vectors, found.ids, found.scores, strict=True):
            stored = [record.vector for record in self.get(names) if record is not None]
            kept = [i for i, vector in enumerate(stored) if vector.argmax() == query.argmax()][:k]
            ids.append([names[i] for i in kept])
            scores.append(row[kept])
        return Neighbours(ids, scores)


def rows(count: int, seed: int = 0) -> np.ndarray:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32))


def fill(index: NoteIndex, names: list[str], vectors: np.ndarray) -> NoteIndex:
    index.upsert(Record(name, row, {}, "") for name, row in zip(names, vectors, strict=True))
    return index


def first_scores(ranking: Ranking) -> Mapping[str, float]:
    """Figures that see every place: the mean score, and the mean number of answers."""
    there = ranking.positions >= 0
    return {"score": float(ranking.scores[there].mean()), "answers": float(there.sum(axis=1).mean())}


def naive_recall(index: NoteIndex, ids: list[str], vectors: np.ndarray, queries: np.ndarray, k: int) -> float:
    stored = {record.id: record.vector for record in index.scan()}
    shares = []
    for query in queries:
        others = [name for name in stored if name != ids[query]]
        scores = inner_products(vectors[query], np.stack([stored[name] for name in others])).tolist()
        last = sorted(scores, reverse=True)[:k][-1]
        right = {name for name, score in zip(others, scores, strict=True) if score >= last}
        answers = [name for name in index.search(vectors[query][None], k + 1).ids[0] if name != ids[query]][:k]
        shares.append(len(right & set(answers)) / min(k, len(others)))
    return float(np.mean(shares))


@pytest.fixture
def coarse() -> Iterator[tuple[NoteIndex, list[str], np.ndarray]]:
    """A pool of 150 notes, of which the index lacks ten and beside which it holds 60 others, some of them twice."""
    vectors, ids = rows(210), [f"笔记{i}" for i in range(210)]
    vectors[150:180] = vectors[:30]
    kept = np.delete(np.arange(210), np.arange(40, 50))
    with fill(Coarse(8), [ids[i] for i in kept[::-1]], vectors[kept[::-1]]) as index:
        yield index, ids[:150], vectors[:150]


def test_recall_of_a_coarse_index_is_a_count(coarse: tuple[NoteIndex, list[str], np.ndarray]) -> None:
    index, ids, vectors = coarse
    queries = np.arange(0, 150, 4)
    found = index_recall(index, "mine", ids, vectors, queries, 20, first_scores)
    assert found.recall == pytest.approx({k: naive_recall(index, ids, vectors, queries, k) for k in (10, 100)})
    assert 0.1 < found.recall[100] < found.recall[10] < 1
    assert (found.system, found.kind, found.notes, found.queries) == ("mine", "exact", 200, len(queries))
    assert 0 < found.p50_ms <= found.p99_ms


@pytest.mark.parametrize("kind", ["ivf_pq", "hnsw"])
def test_recall_of_an_approximate_index_is_a_count(tmp_path: Path, kind: Any) -> None:
    """Notes on a sphere, which no index does well on, and one told to be content with half of them."""
    vectors, ids = rows(1200), [f"{i}" for i in range(1200)]
    config = FaissConfig(kind=kind, target_recall=0.5, m=2, ef_construction=2, nlist=128, points_per_list=8)
    with FaissIndex.create(tmp_path / "i", dim=8, fingerprint="f", config=config) as index:
        fill(index, ids, vectors).compact()
        queries = np.arange(0, 1200, 40)
        found = index_recall(index, "ann", ids, vectors, queries, 20, first_scores)
        assert found.recall == pytest.approx({k: naive_recall(index, ids, vectors, queries, k) for k in (10, 100)})
        assert found.recall[10] < 1
        assert found.kind == kind
        assert found.metrics["score"][0] < found.metrics["score"][1]


def test_end_to_end_compares_with_exact_search_in_the_pool(coarse: tuple[NoteIndex, list[str], np.ndarray]) -> None:
    index, ids, vectors = coarse
    queries = np.arange(0, 150, 4)
    metrics = index_recall(index, "mine", ids, vectors, queries, 20, first_scores).metrics
    there = np.delete(np.arange(150), np.arange(40, 50))
    place = {int(position): row for row, position in enumerate(there)}
    own = np.array([place.get(int(query), -1) for query in queries])
    exact = nearest(vectors[queries], vectors[there], own, 20)
    assert metrics["score"][1] == pytest.approx(float(exact.scores.mean()))
    assert metrics["answers"][1] == 20
    served, best = metrics["answers"]
    assert served < best


def test_an_exact_index_misses_nothing_also_where_answers_tie() -> None:
    """Ties at the k-th place may be broken either way."""
    vectors = unit_rows(np.random.default_rng(0).integers(0, 2, size=(150, 8)).astype(np.float32) + np.eye(1, 8))
    vectors = vectors.astype(np.float32)
    ids = [f"{i}" for i in np.random.default_rng(1).permutation(150)]
    queries = np.arange(30)
    found = index_recall(fill(ExactIndex(8), ids, vectors), "e", ids, vectors, queries, 10, first_scores)
    assert found.recall == {10: 1.0, 100: 1.0}
    assert found.metrics["score"][0] == found.metrics["score"][1]


def test_small_indexes_samples_and_zero_queries() -> None:
    vectors = rows(8)
    ids = [f"{i}" for i in range(8)]
    asked = vectors.copy()
    asked[2] = 0
    index = fill(ExactIndex(8), ids, vectors)
    found = index_recall(index, "e", ids, asked, np.arange(8), 10, first_scores)
    assert found.recall == {10: 1.0, 100: 1.0}  # of seven others
    assert found.queries == 7  # the zero row asks nothing
    assert found.metrics["answers"] == (7 * 7 / 8, 7 * 7 / 8)
    assert index_recall(index, "e", ids, asked, np.arange(8), 10, first_scores, sample=3).queries == 3
    nobody = index_recall(index, "e", ids, asked, np.array([2]), 10, lambda _: {"R@10": 0.0})
    assert np.isnan(nobody.recall[10])
    assert nobody.queries == 0
