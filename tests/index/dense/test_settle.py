"""Order and ties out of FAISS's float32 scores, against index/ranking.py's definition over all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.dense.search import in_order, merged, nearest_of
from index.dense.settle import MARGIN, settle
from index.ranking import inner_products, ranked


def settled(queries, vectors, names, k, exact=True):
    """What settle() makes of FAISS's own nearest neighbours among all rows."""
    total = len(vectors)
    rows = np.arange(total)
    k = min(k, total)
    labels = np.array(names, dtype=object)

    def find(some, n):
        return nearest_of(some, vectors, rows, n)

    found = find(queries, min(k + 1, total))
    return settle(queries, k, found, exact, total, lambda r: vectors[r], lambda r: labels[r], find)


def check(queries, vectors, names, k):
    for exact in (True, False):
        found = settled(queries, vectors, names, k, exact)
        for query, ids, scores in zip(queries, found.ids, found.scores, strict=True):
            expected, exactly = ranked(names, inner_products(query, vectors), k)
            assert ids == expected
            assert scores.dtype == np.float32
            if exact:
                np.testing.assert_array_equal(scores, exactly)
            np.testing.assert_allclose(scores, exactly, rtol=0, atol=MARGIN)


def shuffled(count, seed):
    return [f"n{i:04d}" for i in np.random.default_rng(seed).permutation(count)]


@pytest.mark.parametrize("dim", [1, 2, 3, 25, 127, 128, 566])
def test_rows_by_chance(unit, dim):
    vectors = unit(400, dim, dim)
    for k in (1, 10, 399, 400, 900):
        check(unit(5, dim, 1), vectors, shuffled(400, 1), k)


@pytest.mark.parametrize("k", [1, 2, 10, 99, 100, 101, 300])
def test_ties_everywhere(unit, k):
    few = unit(3, 16, 2)
    vectors = few[np.random.default_rng(3).integers(0, 3, 300)]
    check(np.concatenate([few, unit(3, 16, 4)]), vectors, shuffled(300, 5), k)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), steps=st.integers(0, 3), k=st.integers(1, 30))
def test_near_ties(seed, steps, k):
    """Rows some float32 steps apart, so that their exact scores tie, nearly tie, or do not."""
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(24)
    start = (start / np.linalg.norm(start)).astype(np.float32)
    vectors = np.repeat(start[None], 60, axis=0)
    for row in vectors[::2]:
        for place in rng.integers(0, 24, steps):
            row[place] = np.nextafter(row[place], np.float32(rng.choice([-2, 2])))
    other = rng.standard_normal((30, 24))
    vectors = np.concatenate([vectors, (other / np.linalg.norm(other, axis=1, keepdims=True)).astype(np.float32)])
    check(np.stack([start, vectors[70]]), vectors, shuffled(90, seed), k)


def test_a_tie_at_the_last_place_looks_until_it_has_them_all(unit):
    """1,000 twins: the ids decide among all of them, not among those that FAISS met first."""
    vectors = np.repeat(unit(1, 8, 6), 1000, axis=0)
    asked: list[int] = []
    names = np.array([f"n{999 - i:04d}" for i in range(1000)], dtype=object)

    def find(some, n):
        asked.append(n)
        return nearest_of(some, vectors, np.arange(1000), n)

    found = settle(vectors[:1], 5, find(vectors[:1], 6), True, 1000, lambda r: vectors[r], lambda r: names[r], find)
    assert found.ids == [[f"n{i:04d}" for i in range(5)]]
    assert asked[-1] == 1000


def test_fewer_found_than_asked(unit):
    """A search that comes back with empty places gives what there is."""
    vectors = unit(4, 8, 7)
    scores, rows = nearest_of(vectors[:2], vectors, np.arange(4), 9)
    assert (rows[:, 4:] == -1).all()
    names = np.array(list("abcd"), dtype=object)
    found = settle(
        vectors[:2], 8, (scores, rows), False, 4, lambda r: vectors[r], lambda r: names[r], lambda q, n: (scores, rows)
    )
    assert [sorted(ids) for ids in found.ids] == [list("abcd")] * 2
    assert [ids[0] for ids in found.ids] == ["a", "b"]


def test_merged_by_hand():
    one = (np.array([[0.9, 0.5, 0.4]], np.float32), np.array([[1, 2, -1]]))
    other = (np.array([[0.7, 0.6, 0.2]], np.float32), np.array([[10, 11, 12]]))
    scores, rows = merged(one, other)
    assert rows.tolist()[0][:3] == [1, 10, 11]
    np.testing.assert_allclose(scores[0][:3], [0.9, 0.7, 0.6])
    scores, rows = in_order(np.array([[1.0, 3.0, 2.0]], np.float32), np.array([[5, 6, 7]]), 2)
    assert (rows.tolist(), scores.tolist()) == ([[6, 7]], [[3.0, 2.0]])


def test_nearest_of_nothing(unit):
    scores, rows = nearest_of(unit(2, 8, 8), np.empty((0, 8), np.float32), np.empty(0, np.int64), 3)
    assert rows.tolist() == [[-1] * 3] * 2
    assert np.isneginf(scores).all()
