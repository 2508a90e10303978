"""Every back-end against a naive computation that shares no code with the room, and against the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from index import InvalidQuery

DIM = 32
N = 300


def naive(stored, query, k):
    """Scores by a float64 sum in plain Python, then sorted by (-score, id)."""
    scored = []
    for name, vector in stored.items():
        score = sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))
        scored.append((-round(score, 6), name, score))
    scored.sort()
    return [name for _, name, _ in scored[:k]], [score for _, _, score in scored[:k]]


@pytest.fixture
def filled(pair, notes):
    """300 rows, the last 60 of them and 20 that are replaced written after the fold, 30 removed after it."""
    both = pair(DIM)
    order = [(i * 7919) % N for i in range(N)]
    both.upsert(notes(order[:240], DIM))
    if not both.backend.slow:  # there a fold takes seconds, and the tests that are about folding do their own
        both.fold()
    both.upsert(notes(order[240:], DIM))
    both.upsert(notes(order[5:245:12], DIM, seed=1))
    both.delete(f"n{i:03d}" for i in order[::10])
    return both


@pytest.fixture
def stored(filled):
    return {row.id: row.vector for row in filled.oracle.scan()}


def test_ids_scores_and_order_are_the_naive_ones(filled, stored, unit):
    queries = unit(6, DIM, 2)
    found = filled.index.search(queries, 60)
    for i, query in enumerate(queries):
        ids, scores = naive(stored, query, 60)
        assert found.ids[i] == ids
        assert found.scores[i].dtype == np.float32
        np.testing.assert_allclose(found.scores[i], scores, rtol=0, atol=2e-6)


def test_equal_to_the_oracle_for_any_k(filled, unit):
    assert filled.index.count() == 270
    for k in (1, 3, 9, 10, 11, 50, 100, 101, 269, 270, 271, 5000):
        found = filled.check(unit(8, DIM, 3), k)
        assert {len(ids) for ids in found.ids} == {min(k, 270)}


def test_a_batch_is_its_queries_one_by_one(filled, unit):
    queries = unit(70, DIM, 4)
    together = filled.check(queries, 10)
    alone = [filled.index.search(query[None], 10) for query in queries]
    assert together.ids == [one.ids[0] for one in alone]
    for mine, one in zip(together.scores, alone, strict=True):
        np.testing.assert_allclose(mine, one.scores[0], rtol=0, atol=filled.backend.tolerance(filled.index))


def test_stored_vectors_find_themselves(filled, stored):
    found = filled.check(np.stack(list(stored.values())), 1)
    assert [ids[0] for ids in found.ids] == list(stored)


def test_reopened_it_answers_the_same(filled, unit):
    queries = unit(8, DIM, 5)
    filled.reopen()
    filled.check(queries, 10)
    filled.check_rows()
    filled.delete(["n001", "n002"])
    filled.reopen()
    filled.check(queries, 500)


def test_folded_it_answers_the_same(filled, unit):
    queries = unit(8, DIM, 6)
    for act in (filled.index.snapshot, filled.index.compact, filled.index.compact):
        act()
        filled.check(queries, 10)
        filled.check(queries, 500)
        filled.check_rows()


def test_replacing_and_removing_round_after_round(filled, notes, unit):
    rng = np.random.default_rng(7)
    for seed in range(2, 6):
        filled.upsert(notes(rng.integers(0, N, 40).tolist(), DIM, seed))
        filled.delete([f"n{i:03d}" for i in rng.integers(0, N, 40)] + ["unknown", "\ud800"])
        filled.check(unit(5, DIM, seed), 12)
        filled.check_rows()
        if seed == 3:
            filled.fold()


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_more_rows_after_the_fold_than_before_it(pair, notes, unit, rows):
    both = pair(DIM)
    both.upsert(notes(range(rows), DIM))
    both.fold()
    both.delete(["n000"])
    both.upsert(notes(range(100, 160), DIM))
    for k in (1, rows, rows + 1, 20, 500):
        both.check(unit(5, DIM, 8), k)


def test_everything_removed_and_written_again(filled, notes, unit):
    queries = unit(3, DIM, 9)
    filled.delete(f"n{i:03d}" for i in range(N))
    assert filled.check(queries, 5).ids == [[], [], []]
    filled.fold()
    assert filled.check(queries, 5).ids == [[], [], []]
    filled.reopen()
    filled.upsert(notes(range(50), DIM, 1))
    filled.check(queries, 5)
    filled.fold()
    filled.check(queries, 60)
    filled.check_rows()


def test_an_empty_index_finds_nothing(backend, unit):
    index = backend.create(4)
    for act in (lambda: None, lambda: backend.fold(index), index.snapshot):
        act()
        found = index.search(unit(3, 4, 0), 5)
        assert found.ids == [[], [], []]
        assert all(scores.shape == (0,) and scores.dtype == np.float32 for scores in found.scores)
        assert (index.count(), list(index.scan()), index.get(["x"])) == (0, [], [None])
    index = backend.reopen(index)
    assert (index.count(), index.search(unit(1, 4, 0), 5).ids) == (0, [[]])


def test_no_queries_no_answers(filled):
    found = filled.index.search(np.empty((0, DIM), dtype=np.float32), 5)
    assert (found.ids, found.scores) == ([], [])


def test_the_last_of_records_with_one_id_wins(pair, unit, record):
    both = pair(8)
    a, b, c = unit(3, 8, 12)
    twice = [record("x", a, {"v": 1}), record("y", b), record("x", c, {"v": 2}, "late")]
    for _ in range(2):
        both.upsert(twice)
        assert both.check_rows() == ["y", "x"]
        assert both.index.get(["x"])[0].content_hash == "late"
        found = both.check(np.stack([a, c]), 5)
        assert [sorted(ids) for ids in found.ids] == [["x", "y"], ["x", "y"]]
        both.fold()


def test_queries_of_any_number_type_and_layout(filled, unit):
    queries = unit(6, DIM, 13)
    expected = filled.check(queries, 4)
    for other in (np.asfortranarray(queries), queries.astype(np.float64), np.repeat(queries, 2, axis=0)[::2]):
        assert filled.check(other, 4).ids == expected.ids
    whole = np.eye(DIM, dtype=np.int64)[:2]
    assert filled.index.search(whole, 4).ids == filled.oracle.search(whole.astype(np.float32), 4).ids


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        (np.eye(DIM)[:1], 0, "k is 0"),
        (np.eye(DIM)[:1], -3, "k is -3"),
        (np.eye(DIM)[0], 1, r"shape \[32\].*\[Q, 32\]"),
        (np.eye(DIM + 1)[:1], 1, r"shape \[1, 33\]"),
        (np.full((1, DIM), np.nan), 1, "NaN or Inf"),
        (np.full((1, DIM), np.inf), 1, "NaN or Inf"),
        (np.zeros((1, DIM)), 1, "norm is 0"),
        (np.eye(DIM)[:1] * 2, 1, "norm is 2"),
        (np.array([["a"] * DIM]), 1, "no array of numbers"),
        ([[1.0], [1.0, 0.0]], 1, "no array of numbers"),
    ],
)
def test_queries_that_mean_nothing_are_refused(implementation, queries, k, message):
    index = implementation.create(DIM)
    with pytest.raises(InvalidQuery, match=message):
        index.search(queries, k)


def test_properties_are_what_was_given(backend, notes):
    index = backend.create(DIM)
    index.upsert(notes(range(40), DIM))
    backend.fold(index)
    index = backend.reopen(index)
    assert (index.dim, index.fingerprint, index.meta) == (DIM, "print-1", {"template": "v1"})
    index.meta["template"] = "changed"
    assert index.meta == {"template": "v1"}
    assert [attribute.name for attribute in index.schema.attributes][:2] == ["category", "tags"]
    assert index.schema.text == ("title", "body", "tags")
    assert (index.capabilities.durable, index.capabilities.lexical) == (backend.durable, backend.lexical)
    info = index.info()
    assert (info["rows"], info["dim"]) == (40, DIM)
