"""From FAISS's rough answer to one that is exact in score and order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.base import Keys, Vectors
from index.ranking import contenders, inner_products
from index.vectors import VectorTable

_SPARE = 16
"""Rows asked of FAISS beyond k, so that a tie at the k-th place is seen."""
_MARGIN = 1e-5
"""More than FAISS's float32 scores of unit vectors are off by."""
_CHUNK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The rows that may be among the best k of one query, unordered: keys int64 [N], scores float32 [N]."""

    keys: Keys
    scores: Vectors


def nearest(table: VectorTable, queries: Vectors, k: int) -> list[Scored]:
    """The contenders for the best k of each query [Q, dim], all ties at the k-th place included.

    Over a flat index that is exhaustive. Over HNSW a row the graph did not reach may be missing, but
    never a place: where the graph finds too few, every row is scored.
    """
    return _nearest(table, queries, k, k + _SPARE)


def score_all(table: VectorTable, queries: Vectors, k: int, keys: Keys) -> list[Scored]:
    """The contenders among these keys, each of which is scored."""
    scores = np.empty((len(queries), len(keys)), dtype=np.float32)
    for start in range(0, len(keys), _CHUNK):
        vectors = table.vectors(keys[start : start + _CHUNK])
        for number, query in enumerate(queries):
            scores[number, start : start + _CHUNK] = inner_products(query, vectors)
    return [_contending(keys, row, k) for row in scores]


def _nearest(table: VectorTable, queries: Vectors, k: int, n: int) -> list[Scored]:
    if not table.is_worth_searching(n):
        return score_all(table, queries, k, table.keys())
    rough, keys = table.nearest(queries, n)
    found: list[Scored] = []
    for number, query in enumerate(queries):
        row = keys[number]
        if row[-1] < 0:
            found += score_all(table, query[None], k, table.keys())
            continue
        scored = _contending(row, inner_products(query, table.vectors(row)), k)
        if rough[number, -1] >= scored.scores.min() - _MARGIN:  # an unseen row might tie with the k-th
            found += _nearest(table, query[None], k, n * 4)
        else:
            found.append(scored)
    return found


def _contending(keys: Keys, scores: Vectors, k: int) -> Scored:
    places = contenders(scores, k)
    return Scored(keys[places], scores[places])
