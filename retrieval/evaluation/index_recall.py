"""How much a served index misses against exact search over the same vectors, and what that costs in the end."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index import NoteIndex
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import nearest
from retrieval.evaluation.results import IndexRecall
from retrieval.evaluation.systems.base import Ranking, Scores
from retrieval.evaluation.systems.served import IndexSystem
from retrieval.evaluation.tied import exact_pairs

Vectors = NDArray[np.float32]

CUTOFFS = (10, 100)
"""What recall is taken at."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """All an index holds: vectors [P + M, dim], row i < P that of the pool's note i, behind them the other M notes'.

    there: bool [P + M], False for notes of the pool that the index does not hold. row: of each id.
    """

    vectors: Vectors
    there: NDArray[np.bool_]
    row: Mapping[str, int]


def index_recall(
    index: NoteIndex,
    name: str,
    ids: Sequence[str],
    vectors: Vectors,
    queries: Positions,
    depth: int,
    metrics: Callable[[Ranking], Mapping[str, float]],
    sample: int = 1000,
    seed: int = 0,
) -> IndexRecall:
    """Ask the index and exact search the same, over every vector that the index holds.

    ids: the N notes of the pool. vectors: float32 [N, dim], what each asks with, unit rows or zero. queries: int64
    [Q], which of them ask. metrics: figures of a Ranking of all queries, `depth` deep, over the pool.
    Recall is of the k nearest other notes, an answer being right where it scores as much as the k-th of them, so ties
    there count as right. It is taken on up to `sample` queries, as is the time: of each alone, asking for 10 notes
    beside itself. Holds all vectors in memory. Raises EvaluationError where vectors do not fit, and index.errors.
    """
    served = IndexSystem(name, index, ids, vectors)
    stored = _read(index, ids)
    asking = queries[vectors[queries].any(axis=1)]
    if len(asking) > sample:
        asking = np.sort(np.random.default_rng(seed).choice(asking, sample, replace=False))
    answers, took = _alone(index, vectors[asking], min(CUTOFFS))
    recall = {}
    for k in CUTOFFS:
        if k > min(CUTOFFS):
            answers = index.search(vectors[asking], k + 1).ids if len(asking) else []
        recall[k] = _recall(answers, vectors[asking], asking, stored, k)
    exact = _of_pool(vectors[queries], queries, stored, len(ids), depth)
    by_index, by_all = metrics(served.rank(queries, depth)), metrics(exact)
    p50, p99 = np.percentile(took, [50, 99]).tolist() if took else (float("nan"), float("nan"))
    return IndexRecall(
        system=name,
        kind=str(index.info().get("kind", index.info()["type"])),
        notes=int(np.count_nonzero(stored.there)),
        queries=len(asking),
        recall=recall,
        metrics={metric: (value, by_all[metric]) for metric, value in by_index.items()},
        p50_ms=p50,
        p99_ms=p99,
    )


def _read(index: NoteIndex, ids: Sequence[str]) -> _Stored:
    """Read every vector once, into its place; what is written to the index meanwhile is left out."""
    row = {name: place for place, name in enumerate(ids)}
    room = len(ids) + index.count()
    vectors, there = np.zeros((room, index.dim), dtype=np.float32), np.zeros(room, dtype=np.bool_)
    for record in index.scan():
        place = row.setdefault(record.id, len(row))
        if place < room:
            vectors[place], there[place] = record.vector, True
    used = min(len(row), room)
    return _Stored(vectors[:used], there[:used], row)


def _alone(index: NoteIndex, queries: Vectors, k: int) -> tuple[list[list[str]], list[float]]:
    """Ask for each query by itself; returns the answers and the milliseconds."""
    answers, took = [], []
    for query in queries[:1]:  # what is opened by the first search of all is no cost of a search
        index.search(query[None], k + 1)
    for query in queries:
        started = time.perf_counter()
        found = index.search(query[None], k + 1)
        took.append((time.perf_counter() - started) * 1000)
        answers += found.ids
    return answers, took


def _recall(answers: Sequence[Sequence[str]], queries: Vectors, own: Positions, stored: _Stored, k: int) -> float:
    """Return the share of the exact k nearest other notes that is among the answers, a mean over queries."""
    exact = _exact(queries, own, stored, k).scores
    shares = []
    for query, names, row, best in zip(queries, answers, own, exact, strict=True):
        places = np.array([stored.row.get(name, len(stored.there)) for name in names], dtype=np.int64)
        places = places[(places != row) & (places < len(stored.there))][:k]
        wanted = int(np.count_nonzero(best > -np.inf))
        if wanted:
            scores = exact_pairs(query[None], stored.vectors, places[None])[0]
            shares.append(np.count_nonzero(scores >= best[wanted - 1]) / wanted)
    return float(np.mean(shares)) if shares else float("nan")


def _exact(queries: Vectors, own: Positions, stored: _Stored, depth: int) -> Ranking:
    """Rank the rows that the index holds. own: the row of each query."""
    if stored.there.all():
        return nearest(queries, stored.vectors, own, depth)
    rows = np.flatnonzero(stored.there)
    place = np.full(len(stored.there), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    ranking = nearest(queries, stored.vectors[rows], place[own], depth)
    return Ranking(np.where(ranking.positions >= 0, rows[ranking.positions], -1), ranking.scores)


def _of_pool(queries: Vectors, own: Positions, stored: _Stored, pool: int, depth: int) -> Ranking:
    """Rank the pool's notes that the index holds; a query that is zero ranks none, as the index answers none."""
    of_pool = _Stored(stored.vectors[:pool], stored.there[:pool], stored.row)
    ranking = _exact(queries, own, of_pool, depth)
    zero = np.logical_not(queries.any(axis=1))
    positions: Positions = np.where(zero[:, None], -1, ranking.positions)
    scores: Scores = np.where(zero[:, None], np.float32(-np.inf), ranking.scores)
    return Ranking(positions, scores)
