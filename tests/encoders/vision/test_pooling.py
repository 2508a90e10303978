"""Several pictures of a note to one vector, against a loop over notes and pictures."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest

from encoders.blocks import unit_rows
from encoders.vision.pooling import pool_images

OWNERS = np.array([0, 2, 2, 2, 3, 3, 6], dtype=np.intp)  # notes 1, 4, 5 and 7 have no picture


@pytest.fixture
def pictures():
    return unit_rows(np.random.default_rng(0).normal(size=(len(OWNERS), 5)).astype(np.float32))


@pytest.fixture
def query():
    return np.random.default_rng(1).normal(size=5).astype(np.float32)


def naive(pictures, owners, count, query):
    """Softmax of ten times the score, in Python's own float64; a note at a time."""
    rows = []
    for note in range(count):
        own = [[float(x) for x in picture] for picture, owner in zip(pictures, owners, strict=True) if owner == note]
        weights = [exp(10 * sum(x * float(q) for x, q in zip(one, query, strict=True))) for one in own]
        mixed = (
            [sum(w * one[i] for w, one in zip(weights, own, strict=True)) / sum(weights) for i in range(5)]
            if own
            else [0.0] * 5
        )
        length = sqrt(sum(x * x for x in mixed))
        rows.append([x / length if length else 0.0 for x in mixed])
    return np.array(rows)


def test_the_mean(pictures):
    pooled = pool_images(pictures, OWNERS, 8)
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, naive(pictures, OWNERS, 8, np.zeros(5)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(pooled[[0, 2, 3, 6]], axis=1), 1, atol=1e-6)
    assert not pooled[[1, 4, 5, 7]].any()


def test_attention(pictures, query):
    pooled = pool_images(pictures, OWNERS, 8, query)
    np.testing.assert_allclose(pooled, naive(pictures, OWNERS, 8, query), atol=1e-5)
    assert np.abs(pooled[2] - pool_images(pictures, OWNERS, 8)[2]).max() > 0.05
    # The picture the query likes best weighs the most.
    best = (pictures[1:4] @ query).argmax()
    assert (pictures[1:4] @ pooled[2]).argmax() == best


def test_a_query_of_zeros_is_the_mean(pictures):
    zeros = np.zeros(5, dtype=np.float32)
    np.testing.assert_allclose(pool_images(pictures, OWNERS, 8, zeros), pool_images(pictures, OWNERS, 8), atol=1e-6)


@pytest.mark.parametrize("attention", [False, True])
def test_the_order_of_a_notes_pictures_does_not_matter(pictures, query, attention):
    chosen = query if attention else None
    swapped = pictures[[0, 3, 1, 2, 5, 4, 6]]
    np.testing.assert_allclose(
        pool_images(swapped, OWNERS, 8, chosen), pool_images(pictures, OWNERS, 8, chosen), atol=1e-6
    )


@pytest.mark.parametrize("attention", [False, True])
def test_one_picture_is_itself(pictures, query, attention):
    pooled = pool_images(pictures, OWNERS, 8, query if attention else None)
    np.testing.assert_allclose(pooled[[0, 6]], pictures[[0, 6]], atol=1e-6)


@pytest.mark.parametrize("attention", [False, True])
def test_notes_do_not_touch_one_another(pictures, query, attention):
    chosen = query if attention else None
    alone = pool_images(pictures[1:4], np.zeros(3, dtype=np.intp), 1, chosen)
    np.testing.assert_allclose(pool_images(pictures, OWNERS, 8, chosen)[2:3], alone, atol=1e-6)


def test_a_sharp_query_neither_overflows_nor_changes_its_inputs(pictures):
    query = np.full(5, 1e4, dtype=np.float32)
    before = pictures.copy()
    pooled = pool_images(pictures, OWNERS, 8, query)
    best = 1 + (pictures[1:4] @ query).argmax()
    np.testing.assert_allclose(pooled[2], pictures[best], atol=1e-6)
    np.testing.assert_array_equal(pictures, before)


def test_no_picture_at_all():
    none = np.zeros((0, 5), dtype=np.float32)
    for query in (None, np.ones(5, dtype=np.float32)):
        assert not pool_images(none, np.zeros(0, dtype=np.intp), 3, query).any()
