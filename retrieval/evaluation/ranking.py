"""The best candidates of all, in bounded memory, by an order that no library and no chunking has a say in.

The score of a query and a candidate is their inner product summed in float64 and rounded once, as index/ranking.py
defines it, so equal vectors tie wherever they stand; ties stand by position. FAISS finds the rows that may be among the
best by float32 products, of which more are asked for than are wanted. Those are scored again. Where what was not
found may reach the last place by what float32 is off at most, tied.py looks at every candidate.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import Positions
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores
from retrieval.evaluation.tied import best_of_all, exact_pairs, float32_slack

Vectors = NDArray[np.float32]

_QUERIES = 2048
"""Queries at a time, at most."""
_CHUNK = 1 << 24
"""Numbers of the candidates at a time, 64 MiB."""
_FOUND = 1 << 20
"""Places that are held for the queries at a time, some 50 bytes each."""
_DENSE = 1 << 22
"""Scores that systems with whole rows should hold at a time."""


def nearest(
    queries: Vectors, candidates: Vectors, own: Positions, depth: int, on_progress: OnProgress | None = None
) -> Ranking:
    """Rank all candidates for each query by exact inner product, ties by position.

    queries: float32 [Q, D]. candidates: float32 [N, D], an array or a memmap; finite, as queries are. own: int64 [Q],
    the position of each query among the candidates, which its row leaves out; -1 where it is none of them.
    Holds some 200 MiB beside the arguments and the result, whatever Q and N.
    """
    candidates = np.asarray(candidates)
    most = max(1, min(_QUERIES, _FOUND // max(1, _asked(depth, len(candidates)))))
    step = -(-len(queries) // max(1, -(-len(queries) // most)))  # blocks alike: FAISS is slow on a small last one
    largest = _largest_norm(candidates)

    def rank(part: slice) -> Ranking:
        return _nearest(queries[part], candidates, own[part], depth, largest)

    return in_parts(len(queries), max(1, step), depth, rank, on_progress)


def best_of(scores: NDArray[np.floating[Any]], own: Positions, depth: int) -> Ranking:
    """Rank candidates by dense rows of scores [C, N], ties by position; no NaN.

    float64 scores are compared as they are and rounded afterwards. -inf says that a candidate is not ranked. own: as
    in `nearest`, int64 [C].
    """
    count, size = scores.shape
    ranking = nothing(count, depth)
    kept = min(depth, size)
    if not kept:
        return ranking
    scores = scores.copy()
    there = np.flatnonzero(own >= 0)
    scores[there, own[there]] = -np.inf
    last = np.partition(scores, size - kept, axis=1)[:, size - kept, None]
    above = scores > last
    level = scores == last
    room = kept - np.count_nonzero(above, axis=1)[:, None]
    above |= level & (np.cumsum(level, axis=1, dtype=np.int32) <= room)
    positions = np.nonzero(above)[1].reshape(count, kept)  # ascending within a row, so a stable sort leaves ties so
    best = np.take_along_axis(scores, positions, axis=1)
    order = np.argsort(-best, axis=1, kind="stable")
    best = np.take_along_axis(best, order, axis=1)
    ranking.positions[:, :kept] = np.where(best > -np.inf, np.take_along_axis(positions, order, axis=1), -1)
    ranking.scores[:, :kept] = best
    return ranking


def dense_step(candidates: int) -> int:
    """How many rows of scores over so many candidates to hold at a time."""
    return max(1, _DENSE // max(1, candidates))


def in_parts(
    queries: int, step: int, depth: int, rank: Callable[[slice], Ranking], on_progress: OnProgress | None = None
) -> Ranking:
    """Rank so many queries `step` at a time and put the parts together; on_progress is told of queries done."""
    whole = nothing(queries, depth)
    for start in range(0, queries, step):
        part = slice(start, min(start + step, queries))
        ranking = rank(part)
        whole.positions[part], whole.scores[part] = ranking.positions, ranking.scores
        if on_progress:
            on_progress(part.stop - part.start)
    return whole


def nothing(queries: int, depth: int) -> Ranking:
    """Return rows without any candidate, to be filled."""
    return Ranking(np.full((queries, depth), -1, dtype=np.int64), np.full((queries, depth), -np.inf, dtype=np.float32))


def _asked(depth: int, candidates: int) -> int:
    """How many to ask FAISS for: the query itself, and enough that the last is seldom near the last wanted."""
    return min(depth + 1 + max(31, depth // 8), candidates)


def _nearest(queries: Vectors, candidates: Vectors, own: Positions, depth: int, largest: float) -> Ranking:
    """Rank for one block of queries; largest: the greatest norm among the candidates."""
    ranking = nothing(len(queries), depth)
    zero = ~queries.any(axis=1)
    ranking.positions[zero], ranking.scores[zero] = _all_alike(own[zero], depth, len(candidates))
    rest = np.flatnonzero(~zero)
    if not len(rest) or not len(candidates):
        return ranking
    asked = np.ascontiguousarray(queries[rest])
    rough, found = _found(asked, candidates, _asked(depth, len(candidates)))
    exact = exact_pairs(asked, candidates, found)
    exact[found == own[rest, None]] = -np.inf
    # By position first, then stably by score.
    order = np.argsort(found, axis=1)
    found, exact = np.take_along_axis(found, order, axis=1), np.take_along_axis(exact, order, axis=1)
    order = np.argsort(-exact, axis=1, kind="stable")[:, :depth]
    found, exact = np.take_along_axis(found, order, axis=1), np.take_along_axis(exact, order, axis=1)
    found[exact == -np.inf] = -1
    width = found.shape[1]
    ranking.positions[rest, :width], ranking.scores[rest, :width] = found, exact
    if rough.shape[1] < len(candidates):
        slack = float32_slack(asked, largest)
        unsure = np.flatnonzero(exact[:, -1] <= rough.min(axis=1) + slack)
        if len(unsure):
            rows = rest[unsure]
            settled = best_of_all(asked[unsure], candidates, own[rows], depth, exact[unsure, -1], slack[unsure], _CHUNK)
            ranking.positions[rows], ranking.scores[rows] = settled
    return ranking


def _all_alike(own: Positions, depth: int, candidates: int) -> tuple[Positions, Scores]:
    """Rank for queries that are zero, to which every candidate scores 0: by position, without the query itself."""
    places = np.arange(depth)[None, :]
    positions = np.where((own[:, None] >= 0) & (places >= own[:, None]), places + 1, places)
    there = positions < candidates
    return np.where(there, positions, -1), np.where(there, np.float32(0), np.float32(-np.inf))


def _found(queries: Vectors, candidates: Vectors, count: int) -> tuple[Scores, Positions]:
    """Find the best by float32 products, in no order: scores [Q, count], positions [Q, count]."""
    import faiss

    size, dim = queries.shape
    step = max(count, _CHUNK // dim)
    # Up to a number of queries FAISS takes each by itself, five times as long as a matrix product takes.
    least = faiss.cvar.distance_compute_blas_threshold // dim + 1
    asked = np.resize(queries, (least, dim)) if least // 5 < size < least else queries
    scores, positions = np.empty((len(queries), 0), dtype=np.float32), np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(candidates), step):
        chunk = np.ascontiguousarray(candidates[start : start + step])
        more, places = faiss.knn(asked, chunk, min(count, len(chunk)), metric=faiss.METRIC_INNER_PRODUCT)
        scores = np.concatenate([scores, more[:size]], axis=1)
        positions = np.concatenate([positions, places[:size] + start], axis=1)
        if scores.shape[1] > count:
            kept = np.argpartition(scores, scores.shape[1] - count, axis=1)[:, -count:]
            scores, positions = np.take_along_axis(scores, kept, axis=1), np.take_along_axis(positions, kept, axis=1)
    return scores, positions


def _largest_norm(vectors: Vectors) -> float:
    step = max(1, _CHUNK // max(1, vectors.shape[1]))
    chunks = (vectors[start : start + step] for start in range(0, len(vectors), step))
    return max((float(np.sqrt(np.einsum("ij,ij->i", chunk, chunk).max())) for chunk in chunks), default=0.0)
