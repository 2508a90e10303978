"""Smaller storage and fewer dimensions: what they cost in scores and recall, and when the budget picks them."""

from __future__ import annotations

import numpy as np
import pytest

from index import FaissConfig, FaissIndex, Range, Record
from index.dense.config import Storage
from index.dense.kinds import kind_for, lists_for, storage_for

TOLERANCE = {"float32": 2e-6, "float16": 1e-3, "int8": 1e-2}
"""How far a score of the stored form may be off that of the vector itself."""
BYTES = {"float32": 4, "float16": 2, "int8": 1}


@pytest.mark.parametrize("storage", ["float16", "int8"])
@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf_pq"])
def test_answers_within_the_stated_tolerance(corpus, tmp_path, kind: str, storage: Storage):
    config = FaissConfig(kind=kind, storage=storage, m=16)
    vectors, queries = corpus.vectors[:3000], corpus.queries[:50]
    with FaissIndex.create(tmp_path / "i", dim=vectors.shape[1], fingerprint="f", config=config) as index:
        index.upsert(Record(f"n{i:05d}", v, {}, "") for i, v in enumerate(vectors))
        index.compact()
        assert (index.info()["storage"], index.info()["kind"]) == (storage, kind)
        found = index.search(queries, 10)
        truth = queries.astype(np.float64) @ vectors.T.astype(np.float64)
        for ids, scores, exact in zip(found.ids, found.scores, truth, strict=True):
            np.testing.assert_allclose(scores, exact[[int(name[1:]) for name in ids]], rtol=0, atol=TOLERANCE[storage])
            assert list(scores) == sorted(scores, reverse=True)
        best = -np.sort(-truth, axis=1)[:, :10]
        own = [exact[[int(name[1:]) for name in ids]] for ids, exact in zip(found.ids, truth, strict=True)]
        assert corpus.recall(own, best) >= {"float16": 0.94, "int8": 0.88}[storage]
        np.testing.assert_array_equal(index.get(["n00007"])[0].vector, vectors[7])  # the truth is kept whole
        file = next((tmp_path / "i" / "v1").glob("base-*/storage.faiss")).stat().st_size
        assert vectors.size * BYTES[storage] <= file <= vectors.size * BYTES[storage] + 1000
    with FaissIndex.open(tmp_path / "i") as index:  # and it is not taken for another's
        assert index.info()["base_seq"] == 3000
        again = index.search(queries, 10)
        assert again.ids == found.ids


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq"])
def test_fewer_dimensions_find_and_all_of_them_score(tmp_path, kind):
    """Vectors whose first dimensions hold most of what there is, as Matryoshka training makes them."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3150, 48)) * np.geomspace(1, 0.05, 48)
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    vectors, queries = x[:2950], x[2950:]
    config = FaissConfig(kind=kind, truncate=24, m=16)
    with FaissIndex.create(tmp_path / "i", dim=48, fingerprint="f", config=config) as index:
        index.upsert(Record(f"n{i:05d}", v, {}, "") for i, v in enumerate(vectors))
        index.compact()
        assert not index.capabilities.exact
        found = index.search(queries, 10)
        truth = queries.astype(np.float64) @ vectors.T.astype(np.float64)
        for ids, scores, exact in zip(found.ids, found.scores, truth, strict=True):
            np.testing.assert_allclose(scores, exact[[int(name[1:]) for name in ids]], rtol=0, atol=2e-6)
        worst = np.sort(truth, axis=1)[:, -10:].min(axis=1)
        hits = np.mean([(scores >= last - 2e-6).mean() for scores, last in zip(found.scores, worst, strict=True)])
        assert hits >= 0.93
        everything = index.search(queries[:2], 5000)
        assert [len(ids) for ids in everything.ids] == [2950, 2950]


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_fewer_dimensions_keep_recall_under_filters(tmp_path, kind, unit, notes):
    """The candidates that are re-ranked must be as many in the measurement as in the search."""
    from index import Attribute, AttributeType, IndexSchema

    rng = np.random.default_rng(2)
    x = rng.standard_normal((4040, 40)) * np.geomspace(1, 0.2, 40)
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    vectors, queries = x[:4000], x[4000:]
    schema = IndexSchema((Attribute("i", AttributeType.NUMBER),))
    config = FaissConfig(kind=kind, truncate=16, m=16)
    with FaissIndex.create(tmp_path / "i", dim=40, fingerprint="f", schema=schema, config=config) as index:
        index.upsert(Record(f"n{i:05d}", v, {"i": i}, "") for i, v in enumerate(vectors))
        index.compact()
        assert index.info()["calibration"]["filtered_recall"] >= 0.95
        found = index.search(queries, 10, Range("i", lt=2000))
    truth = np.sort(queries.astype(np.float64) @ vectors[:2000].T.astype(np.float64), axis=1)[:, -10:]
    hits = [(scores >= best.min() - 2e-6).mean() for scores, best in zip(found.scores, truth, strict=True)]
    assert np.mean(hits) >= 0.93


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (None, "float32"),
        (400_000, "float32"),
        (399_999, "float16"),
        (200_000, "float16"),
        (199_999, "int8"),
        (1, "int8"),
    ],
)
def test_the_budget_picks_the_storage(budget, expected):
    assert storage_for(FaissConfig(memory_budget=budget), rows=1000, dim=100) == expected
    assert storage_for(FaissConfig(memory_budget=budget, storage="float16"), rows=1000, dim=100) == "float16"


def test_the_budget_in_an_index(tmp_path, unit):
    config = FaissConfig(memory_budget=100 * 16 * 2)
    with FaissIndex.create(tmp_path / "i", dim=16, fingerprint="f", config=config) as index:
        vectors = unit(150, 16, 1)
        for rows, expected in ((50, "float32"), (100, "float16"), (150, "int8")):
            index.upsert(Record(f"{i}", v, {}, "") for i, v in enumerate(vectors[:rows]))
            index.compact()
            assert index.info()["storage"] == expected
            assert [ids[0] for ids in index.search(vectors[:rows], 1).ids] == [f"{i}" for i in range(rows)]


def test_kinds_and_lists_by_rows():
    auto = FaissConfig(flat_up_to=1000)
    assert [kind_for(auto, rows) for rows in (1, 1000, 1001)] == ["flat", "flat", "ivf_pq"]
    assert [kind_for(FaissConfig(kind="hnsw"), rows) for rows in (31, 32)] == ["flat", "hnsw"]
    assert lists_for(auto, 100_000) == 512  # 1.6 · √100,000 = 506
    assert lists_for(auto, 1_000_000) == 2048  # 1600, nearer to 2048 than to 1024 on a scale of powers
    assert lists_for(FaissConfig(nlist=7), 100_000) == 7
    assert lists_for(FaissConfig(nlist=700), 40) == 10
