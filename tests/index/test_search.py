"""Every back-end against a naive computation that shares no code with the room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from index import ExactIndex, InvalidQuery

DIM = 32
N = 300


@dataclass
class Category:
    name: str

    def matches(self, payload: Mapping[str, object]) -> bool:
        return payload["category"] == self.name


class Nothing:
    def matches(self, payload: Mapping[str, object]) -> bool:
        return False


def naive(stored, query, k, keep=lambda payload: True):
    """Scores by a float64 sum in plain Python, then sorted by (-score, id)."""
    scored = []
    for name, (vector, payload) in stored.items():
        if keep(payload):
            score = sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))
            scored.append((-round(score, 6), name, score))
    scored.sort()
    return [name for _, name, _ in scored[:k]], [score for _, _, score in scored[:k]]


@pytest.fixture
def filled(backend, unit, record):
    index = backend.create(DIM)
    vectors = unit(N, DIM, 1)
    vectors[50:56] = vectors[49]  # seven equal vectors: ties in every search
    stored = {f"n{(i * 7919) % N:03d}": (vectors[i], {"category": "abc"[i % 3], "i": i}) for i in range(N)}
    index.upsert(record(name, vector, payload) for name, (vector, payload) in stored.items())
    return index, stored


@pytest.mark.parametrize("k", [1, 3, 10, 60])
def test_ids_scores_and_order_are_the_naive_ones(filled, unit, k):
    index, stored = filled
    queries = unit(12, DIM, 2)
    found = index.search(queries, k)
    for i, query in enumerate(queries):
        ids, scores = naive(stored, query, k)
        assert found.ids[i] == ids
        assert found.scores[i].dtype == np.float32
        np.testing.assert_allclose(found.scores[i], scores, atol=1e-6)


def test_equal_to_the_oracle_bit_for_bit(filled, unit, record):
    index, stored = filled
    oracle = ExactIndex(DIM)
    oracle.upsert(record(name, vector, payload) for name, (vector, payload) in stored.items())
    queries = unit(20, DIM, 3)
    found, expected = index.search(queries, 10), oracle.search(queries, 10)
    assert found.ids == expected.ids
    for mine, theirs in zip(found.scores, expected.scores, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("k", [1, 2, 4, 6, 7, 8])
def test_ties_go_by_id_even_where_they_straddle_the_kth_place(filled, k):
    index, stored = filled
    twins = sorted(name for name, (_, payload) in stored.items() if 49 <= payload["i"] <= 55)
    assert len(twins) == 7
    query = stored[twins[0]][0]
    found = index.search(query[None], k)
    assert found.ids[0][:7] == twins[:k]
    assert found.scores[0][: min(k, 7)] == pytest.approx(1.0, abs=1e-6)


def test_more_ties_than_are_asked_of_faiss_at_first(backend, unit, record):
    index = backend.create(8)
    same, others = unit(1, 8, 4)[0], unit(60, 8, 5)
    index.upsert([record(f"t{i:03d}", same) for i in range(120)][::-1])
    index.upsert([record(f"o{i:03d}", other) for i, other in enumerate(others)])
    assert index.search(same[None], 5).ids == [["t000", "t001", "t002", "t003", "t004"]]


@pytest.mark.parametrize("category", ["a", "b", "c"])
def test_where_gives_the_best_among_those_that_match(filled, unit, category):
    index, stored = filled
    queries = unit(5, DIM, 6)
    found = index.search(queries, 15, where=Category(category))
    for i, query in enumerate(queries):
        ids, scores = naive(stored, query, 15, lambda payload: payload["category"] == category)
        assert found.ids[i] == ids
        np.testing.assert_allclose(found.scores[i], scores, atol=1e-6)


def test_where_nothing_matches(filled, unit):
    index, _ = filled
    found = index.search(unit(2, DIM, 7), 5, where=Nothing())
    assert found.ids == [[], []]
    assert [len(scores) for scores in found.scores] == [0, 0]


def test_what_a_filter_raises_reaches_the_caller_and_harms_nothing(filled, unit):
    index, stored = filled

    class Broken:
        def matches(self, payload: Mapping[str, object]) -> bool:
            raise KeyError("colour")

    queries = unit(1, DIM, 8)
    with pytest.raises(KeyError, match="colour"):
        index.search(queries, 5, where=Broken())
    assert index.search(queries, 5).ids[0] == naive(stored, queries[0], 5)[0]


def test_k_beyond_count_returns_all(filled, unit):
    index, stored = filled
    query = unit(1, DIM, 9)
    found = index.search(query, N + 50)
    assert found.ids[0] == naive(stored, query[0], N)[0]


def test_an_empty_index_finds_nothing(backend, unit):
    index = backend.create(4)
    found = index.search(unit(3, 4, 0), 5)
    assert found.ids == [[], [], []]
    assert all(scores.shape == (0,) and scores.dtype == np.float32 for scores in found.scores)
    assert (index.count(), list(index.scan()), index.get(["x"])) == (0, [], [None])


def test_no_queries_no_answers(filled):
    index, _ = filled
    assert index.search(np.empty((0, DIM), dtype=np.float32), 5).ids == []


def test_deleted_and_replaced_rows_are_never_found(filled, unit, record):
    index, stored = filled
    gone = sorted(stored)[::2]
    assert index.delete([*gone, gone[0], "unknown", "\ud800"]) == len(gone)
    for name in gone:
        del stored[name]
    moved = unit(20, DIM, 10)
    for name, vector in zip(sorted(stored)[:20], moved, strict=True):
        stored[name] = (vector, {"category": "a", "i": -1})
        index.upsert([record(name, *stored[name])])
    assert index.count() == len(stored) == N // 2
    queries = np.concatenate([unit(5, DIM, 11), moved[:5]])
    found = index.search(queries, 12)
    for i, query in enumerate(queries):
        assert found.ids[i] == naive(stored, query, 12)[0]


def test_the_last_of_records_with_one_id_wins(backend, unit, record):
    index = backend.create(8)
    a, b, c = unit(3, 8, 12)
    index.upsert([record("x", a, {"v": 1}), record("y", b), record("x", c, {"v": 2}, "late")])
    assert index.count() == 2
    kept = index.get(["x"])[0]
    np.testing.assert_array_equal(kept.vector, c)
    assert (kept.payload, kept.content_hash) == ({"v": 2}, "late")
    assert [row.id for row in index.scan()] == ["y", "x"]
    found = index.search(np.stack([a, c]), 5)
    assert [sorted(ids) for ids in found.ids] == [["x", "y"], ["x", "y"]]
    assert found.ids[1][0] == "x"


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        (np.eye(DIM)[:1], 0, "k is 0"),
        (np.eye(DIM)[:1], -3, "k is -3"),
        (np.eye(DIM)[0], 1, r"shape \[32\].*\[Q, 32\]"),
        (np.eye(DIM + 1)[:1], 1, r"shape \[1, 33\]"),
        (np.full((1, DIM), np.nan), 1, "NaN or Inf"),
        (np.zeros((1, DIM)), 1, "norm is 0"),
        (np.eye(DIM)[:1] * 2, 1, "norm is 2"),
        (np.array([["a"] * DIM]), 1, "no array of numbers"),
    ],
)
def test_queries_that_mean_nothing_are_refused(filled, queries, k, message):
    index, _ = filled
    with pytest.raises(InvalidQuery, match=message):
        index.search(queries, k)


def test_properties_are_what_was_given(backend):
    index = backend.create(5)
    assert (index.dim, index.fingerprint, index.meta) == (5, "print-1", {"template": "v1"})
    index.meta["template"] = "changed"
    assert index.meta == {"template": "v1"}
    can = index.capabilities
    assert (can.filters, can.exact, can.durable) == (True, backend.name != "hnsw", backend.durable)
    assert index.info()["dim"] == 5
