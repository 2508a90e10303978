"""The one definition of score and order that every back-end shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.base import Keys, Vectors


def inner_products(query: Vectors, vectors: Vectors) -> Vectors:
    """The score (float32 [N]) of query [dim] with each row of vectors [N, dim].

    Summed in float64, each row by itself, and rounded once: equal vectors tie exactly wherever they
    stand, which no matrix product of a linear algebra library promises.
    """
    products = np.multiply(vectors, query.astype(np.float64), order="C")
    scores: Vectors = products.sum(axis=1).astype(np.float32)
    return scores


def contenders(scores: Vectors, k: int) -> Keys:
    """The places (int64) of all rows that may be among the best k: those that share the k-th score too."""
    if len(scores) <= k:
        return np.arange(len(scores), dtype=np.int64)
    threshold = np.partition(scores, -k)[-k]
    return np.flatnonzero(scores >= threshold).astype(np.int64)


def ranked(ids: Sequence[str], scores: Vectors, k: int) -> tuple[list[str], Vectors]:
    """The best k ids with their scores, by score descending, then by id ascending."""
    best = sorted(zip((-scores).tolist(), ids, strict=True))[:k]
    return [name for _, name in best], np.array([-negated for negated, _ in best], dtype=np.float32)
