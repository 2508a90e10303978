"""From FAISS's float32 scores to the one order that every back-end shares.

FAISS sums in an order of its own, so equal vectors may differ in the last digits. Where two neighbouring scores
are that close, or the k-th place might be shared, the vectors are scored again as index/ranking.py says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.base import Keys, Neighbours, Vectors
from index.dense.search import Found, in_order
from index.ranking import contenders, inner_products, ranked

MARGIN = 2e-6
"""More than FAISS's float32 scores of unit vectors are off by."""

_TOGETHER = 2_000_000
"""Numbers multiplied in float64 at a time."""

VectorsOf = Callable[[Keys], Vectors]
NamesOf = Callable[[Keys], NDArray[Any]]
More = Callable[[Vectors, int], Found]
"""Searches again for one query [1, dim] with another n."""


def settle(
    queries: Vectors,
    k: int,
    found: Found,
    exact: bool,
    total: int,
    vectors_of: VectorsOf,
    names_of: NamesOf,
    more: More,
) -> Neighbours:
    """The neighbours by exact order and ties, of n > k candidates a query in descending score.

    exact: score every answer again in float64; else only those of queries where two nearly tie. total: rows that may
    be found, so that a tie at the last place asks for more only where there are more.
    """
    scores, rows = found
    last = scores[:, -1].copy()
    if exact:
        scores, rows = _scored_again(queries, rows, vectors_of)
    else:
        with np.errstate(invalid="ignore"):  # two places without a row
            near = np.flatnonzero((scores[:, :-1] - scores[:, 1:] < MARGIN)[:, :k].any(axis=1))
        if len(near):
            scores, rows = scores.copy(), rows.copy()
            scores[near], rows[near] = _scored_again(queries[near], rows[near], vectors_of)
    with np.errstate(invalid="ignore"):
        ties = (scores[:, :-1] == scores[:, 1:])[:, :k].any(axis=1)
    unsure = ties | (last >= scores[:, min(k, rows.shape[1]) - 1] - MARGIN) | (rows[:, min(k, rows.shape[1]) - 1] < 0)
    if not unsure.any():
        return Neighbours(names_of(rows[:, :k]).tolist(), list(scores[:, :k]))
    ids: list[list[str]] = [[]] * len(queries)
    best: list[Vectors] = [scores[0, :0]] * len(queries)
    calm = np.flatnonzero(~unsure)
    for place, names, row in zip(calm.tolist(), names_of(rows[calm, :k]).tolist(), scores[calm, :k], strict=True):
        ids[place], best[place] = names, row
    for place in np.flatnonzero(unsure).tolist():
        kept, exactly = _contending(queries[place], k, (found[0][place], found[1][place]), total, vectors_of, more)
        ids[place], best[place] = ranked(names_of(kept).tolist(), exactly, k)
    return Neighbours(ids, best)


def _scored_again(queries: Vectors, rows: Keys, vectors_of: VectorsOf) -> Found:
    """The same rows by their exact scores, as index/ranking.py defines them, for all queries at once."""
    count, n = rows.shape
    scores = np.empty((count, n), dtype=np.float32)
    step = max(1, _TOGETHER // (n * queries.shape[1]))
    for start in range(0, count, step):
        part = slice(start, start + step)
        vectors = vectors_of(np.maximum(rows[part], 0).ravel()).reshape(-1, n, queries.shape[1])
        wide = queries[part, None, :].astype(np.float64)
        scores[part] = np.multiply(vectors, wide, order="C").sum(axis=2)
    scores[rows < 0] = -np.inf
    return in_order(scores, rows, n)


def _contending(
    query: Vectors, k: int, found: tuple[Vectors, Keys], total: int, vectors_of: VectorsOf, more: More
) -> tuple[Keys, Vectors]:
    """The rows that may be among the best k, ties at the k-th place included, and their exact scores."""
    rough, rows = found
    n = len(rows)
    while True:
        there = rows >= 0
        kept = rows[there]
        if not len(kept):
            return kept, rough[:0]
        scores = inner_products(query, vectors_of(kept))
        places = contenders(scores, k)
        last = float(rough[there][-1])
        if len(kept) < n or n >= total or last < float(scores[places].min()) - MARGIN:
            return kept[places], scores[places]
        n = min(total, n * 4)  # the last candidate ties with the k-th: others may
        wider = more(query[None], n)
        rough, rows = wider[0][0], wider[1][0]
