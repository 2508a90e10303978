"""Exact scores, and queries whose last place is shared: settled by a look at every candidate.

An exact score is a sum in float64, each row by itself, rounded once to float32 (index/ranking.py). A matrix product
in float64 sums in another order, so it may differ in its last bits; but where its value, taken up or down by the
most it may be off, rounds to the same float32, that float32 is the exact score. This gives nearly all scores at the
cost of a product; the few others are summed one by one.
"""

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import Positions
from retrieval.evaluation.systems.base import Scores

Vectors = NDArray[np.float32]

_TOGETHER = 1 << 21
"""Numbers multiplied in float64 at a time, 16 MiB."""
_FEW = 16
"""Up to one candidate in so many is scored by itself; of more, a product of all is cheaper."""


def exact_pairs(queries: Vectors, candidates: Vectors, places: Positions) -> Scores:
    """Score candidates [N, D] at places [Q, n] with their queries [Q, D], float32 [Q, n]."""
    count, width = places.shape
    scores = np.empty((count, width), dtype=np.float32)
    step = max(1, _TOGETHER // max(1, width * queries.shape[1]))
    for start in range(0, count, step):
        part = slice(start, start + step)
        wide = queries[part, None, :].astype(np.float64)
        scores[part] = np.multiply(candidates[places[part]], wide, order="C").sum(axis=2)
    return scores


def score_pairs(queries: Vectors, candidates: Vectors, rows: Positions, places: Positions) -> Scores:
    """Score P pairs exactly: queries [Q, D] at rows [P] with candidates [N, D] at places [P], float32 [P]."""
    scores = np.empty(len(rows), dtype=np.float32)
    step = max(1, _TOGETHER // max(1, queries.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        wide = queries[rows[part]].astype(np.float64)
        scores[part] = np.multiply(candidates[places[part]], wide, order="C").sum(axis=1)
    return scores


def float32_slack(queries: Vectors, largest: float) -> NDArray[np.float64]:
    """Return by how much a float32 product of each query [Q, D] may differ from the exact score, float64 [Q].

    γ_D = D·u / (1 − D·u) with u = 2⁻²⁴ times the norms, whatever the order of the sum (Higham, Accuracy and Stability
    of Numerical Algorithms, section 3.1), and the exact score's own rounding. largest: the greatest candidate norm.
    """
    terms = (queries.shape[1] + 4) * 2.0**-24
    norms = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
    # A hundredth more, as the greatest norm was itself found in float32.
    slack: NDArray[np.float64] = 1.01 * norms * largest * (terms / (1 - terms)) + np.finfo(np.float32).tiny
    return slack


def best_of_all(
    queries: Vectors,
    candidates: Vectors,
    own: Positions,
    depth: int,
    least: Scores,
    slack: NDArray[np.float64],
    chunk: int,
) -> tuple[Positions, Scores]:
    """Return the best of all candidates for queries [U, D], positions and exact scores [U, depth].

    least: a score that depth candidates are known to reach, or -inf. slack: as float32_slack. chunk: numbers of
    candidates read at a time.
    """
    positions = np.full((len(queries), depth), -1, dtype=np.int64)
    scores = np.full((len(queries), depth), -np.inf, dtype=np.float32)
    rows = max(1, chunk // max(1, candidates.shape[1]))
    step = max(1, chunk // (2 * rows))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        held = [_Held(int(place), depth, float(floor)) for place, floor in zip(own[part], least[part], strict=True)]
        for first in range(0, len(candidates), rows):
            _take_in(held, queries[part], np.asarray(candidates[first : first + rows]), first, slack[part])
        for row, each in enumerate(held, start):
            positions[row, : len(each.positions)], scores[row, : len(each.scores)] = each.positions, each.scores
    return positions, scores


class _Held:
    """The best of one query so far: positions and scores, in order, and what a candidate must reach to come in."""

    __slots__ = ("depth", "least", "own", "positions", "scores")

    def __init__(self, own: int, depth: int, least: float) -> None:
        self.own, self.depth, self.least = own, depth, least
        self.positions: Positions = np.empty(0, dtype=np.int64)
        self.scores: Scores = np.empty(0, dtype=np.float32)

    def add(self, places: Positions, scores: Scores) -> None:
        """Take in candidates that stand behind all before, places ascending."""
        full = len(self.scores) == self.depth
        kept = (scores > self.least if full else scores >= self.least) & (places != self.own)
        places, scores = places[kept], scores[kept]
        if len(scores) > self.depth:  # leave most of them unsorted
            last = np.partition(scores, len(scores) - self.depth)[len(scores) - self.depth]
            level = np.flatnonzero(scores == last)
            chosen = np.concatenate([np.flatnonzero(scores > last), level[: self.depth]])
            chosen.sort()
            places, scores = places[chosen], scores[chosen]
        scores, places = np.concatenate([self.scores, scores]), np.concatenate([self.positions, places])
        order = np.argsort(-scores, kind="stable")[: self.depth]
        self.scores, self.positions = scores[order], places[order]
        if len(order) == self.depth:
            self.least = float(self.scores[-1])


def _take_in(held: list[_Held], queries: Vectors, vectors: Vectors, first: int, slack: NDArray[np.float64]) -> None:
    """Let each query see one chunk of candidates [n, D], of which the first stands at `first`."""
    least = np.array([each.least for each in held])
    floor = np.nextafter((least - slack).astype(np.float32), np.float32(-np.inf))
    near = queries @ vectors.T >= floor[:, None]
    many = np.flatnonzero(np.count_nonzero(near, axis=1) * _FEW > len(vectors))
    dense = dict(zip(many.tolist(), _exact(queries[many], vectors), strict=True))
    for row, each in enumerate(held):
        places = np.flatnonzero(near[row])
        of_all = dense.get(row)
        one = queries[row, None]
        each.add(places + first, exact_pairs(one, vectors, places[None])[0] if of_all is None else of_all[places])


def _exact(queries: Vectors, vectors: Vectors) -> Scores:
    """Score every row of vectors [n, D] with every query [U, D], float32 [U, n]."""
    scores = np.empty((len(queries), len(vectors)), dtype=np.float32)
    terms = (queries.shape[1] + 2) * 2.0**-52
    wide = queries.astype(np.float64)
    sizes = np.abs(wide) * terms
    step = max(1, _TOGETHER // max(1, queries.shape[1], len(queries)))
    for start in range(0, len(vectors) if len(queries) else 0, step):
        part = slice(start, start + step)
        rows = vectors[part].astype(np.float64)
        products = wide @ rows.T
        off = sizes @ np.abs(rows).T  # by components, so that what is 0 in any order is known to be
        rounded = (products - off).astype(np.float32)
        doubtful = np.nonzero(rounded != (products + off).astype(np.float32))
        if len(doubtful[0]):
            rounded[doubtful] = score_pairs(queries, vectors[part], *doubtful)
        scores[:, part] = rounded
    return scores
