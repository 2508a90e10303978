"""Vectors from who looks at what, against a dense singular value decomposition."""

from __future__ import annotations

import numpy as np
import pytest

from training.batches.graph import PairGraph
from training.collaborative import collaborative_vectors
from training.pairs import Pairs


@pytest.fixture(scope="module")
def graph():
    rng = np.random.default_rng(3)
    pairs = [(f"n{a}", f"n{b}") for a, b in rng.integers(0, 30, (150, 2)) if a != b]
    scores = rng.uniform(0.1, 2, len(pairs)).astype(np.float32)
    return PairGraph.of(Pairs(pairs, None, scores), [f"n{i}" for i in range(30)])


def test_inner_products_are_those_of_a_dense_decomposition(graph):
    count = len(graph)
    weights = graph.rows(np.arange(count), np.arange(count)).astype(np.float64)
    scale = 1 / np.sqrt(weights.sum(axis=1))
    left, values, _ = np.linalg.svd(weights * scale[:, None] * scale[None, :])
    rows = left[:, :5] * np.sqrt(values[:5])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = collaborative_vectors(graph, dim=5)
    assert found.shape == (count, 5)
    assert found.dtype == np.float32
    # Signs of singular vectors are free, inner products are not.
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, atol=1e-5)


def test_it_is_the_same_each_time(graph):
    assert (collaborative_vectors(graph, seed=1) == collaborative_vectors(graph, seed=1)).all()


def test_a_graph_smaller_than_the_vectors():
    graph = PairGraph.of(Pairs([("a", "b"), ("c", "b")], None), ["a", "b", "c"])
    found = collaborative_vectors(graph, dim=64)
    assert found.shape == (3, 1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
