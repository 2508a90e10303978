"""One call of FAISS over a base: which rows may be found, how widely to look, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.base import Keys, Vectors
from index.dense.config import Device
from index.dense.kinds import faiss, inverted_file, is_graph, is_reduced
from index.dense.lists import Grouped

FIRST = 24
"""Rows scored for each that is asked for, before it is decided how far to look."""
_MADE = 16
"""Parameter objects that are kept."""
Found = tuple[Vectors, Keys]
"""Scores float32 [Q, n], best first, and rows int64 [Q, n]; row -1 where fewer were found."""


@dataclass(frozen=True, slots=True)
class Width:
    """How widely to look: lists probed, or candidates kept in a graph; and candidates re-ranked for each asked."""

    probes: int = 1
    factor: float = 1.0


class Rows:
    """A set of rows that may be found, as a bitmap that FAISS reads; rows can be taken out of it later."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._bits = np.packbits(mask, bitorder="little")
        self.handle = faiss().IDSelectorBitmap(self._bits)

    def drop(self, rows: Keys) -> None:
        """Take these rows (int64) out."""
        np.bitwise_and.at(self._bits, rows >> 3, ~(np.uint8(1) << (rows & 7).astype(np.uint8)))


class Searcher:
    """A base's two parts, searched."""

    def __init__(self, storage: Any, ann: Any | None, device: Device = "cpu") -> None:
        self._storage = storage
        self._ann = ann
        self._file = inverted_file(ann)
        self._is_graph = is_graph(ann)
        self._is_reduced = is_reduced(ann)
        refines = ann is not None and (self._is_reduced or not self._is_graph)
        self._whole = faiss().IndexRefine(ann, storage) if refines else ann
        self._refines = refines
        self._matrix: Vectors | None = None
        if isinstance(storage, faiss().IndexFlat):
            held = faiss().rev_swig_ptr(storage.get_xb(), storage.ntotal * storage.d)
            self._matrix = held.reshape(storage.ntotal, storage.d)
        self._made: dict[tuple[int, Width], Any] = {}
        self._on_device: Any | None = None
        if device == "cuda" and not self._is_graph and not self._is_reduced:
            from index.dense.gpu import to_device

            self._on_device = to_device(storage if ann is None else ann)

    def __len__(self) -> int:
        return int(self._storage.ntotal)

    @property
    def dim(self) -> int:
        """The length of a held vector."""
        return int(self._storage.d)

    @property
    def is_graph(self) -> bool:
        """Whether candidates are found by walking a graph."""
        return self._is_graph

    @property
    def is_exhaustive(self) -> bool:
        """Whether there is nothing but the storage, so that every row is scored."""
        return self._ann is None

    @property
    def is_reduced(self) -> bool:
        """Whether candidates are searched in fewer dimensions."""
        return self._is_reduced

    @property
    def lists(self) -> int:
        """Inverted lists; 0 without any."""
        return int(self._file.nlist) if self._file is not None else 0

    def vectors(self, rows: Keys) -> Vectors:
        """The held vectors (float32 [N, dim]) of these rows."""
        if self._matrix is not None:
            return self._matrix[rows]
        vectors: Vectors = self._storage.reconstruct_batch(rows)
        return vectors

    def score_all(self, queries: Vectors, n: int, among: Rows | None = None) -> Found:
        """The best n by the storage's own scores, every row (or every row among these) scored."""
        if among is None and self._ann is None and self._on_device is not None:
            found: Found = self._on_device.search(queries, n)
            return found
        parameters = None if among is None else faiss().SearchParameters(sel=among.handle)
        with threads_for(len(queries)):
            scores, rows = self._storage.search(queries, n, params=parameters)
        return scores, rows

    def score_rows(self, queries: Vectors, n: int, rows: Keys, selected: Any | None = None) -> Found:
        """The best n among these rows (int64), each of them scored and no other touched.

        selected: Grouped.selected of the rows, for who asks for the same ones often.
        """
        if self._matrix is None:
            return nearest_of(queries, self.vectors(rows), rows, n)
        parameters = selected or faiss().SearchParameters(sel=faiss().IDSelectorArray(rows))
        with threads_for(len(queries)):
            scores, found = self._storage.search(queries, n, params=parameters)
        return scores, found

    def approximate(self, queries: Vectors, n: int, width: Width, among: Rows | None = None) -> Found:
        """The best n of the candidates that a search of this width finds (among these rows)."""
        assert self._whole is not None
        if among is None and self._on_device is not None:
            self._on_device.nprobe = min(width.probes, self.lists)
            _, candidates = self._on_device.search(queries, max(n, round(n * width.factor)))
            return self._ranked_again(queries, candidates, n)
        # Made once for a width: FAISS' parameter objects cost as much as a third of a quick search.
        parameters = self._made.get((n, width)) if among is None else None
        if parameters is None:
            parameters = self._parameters(n, width, among)
            if among is None:
                self._made = {**dict(list(self._made.items())[-_MADE:]), (n, width): parameters}
        with threads_for(len(queries)):
            scores, rows = self._whole.search(queries, n, params=parameters)
        return scores, rows

    def _ranked_again(self, queries: Vectors, candidates: Keys, n: int) -> Found:
        """The best n of each query's candidates [Q, C] by the storage's vectors; -1 is no candidate."""
        scores = np.full((len(queries), n), -np.inf, dtype=np.float32)
        rows = np.full((len(queries), n), -1, dtype=np.int64)
        for place, query in enumerate(queries):
            kept = candidates[place][candidates[place] >= 0]
            found = self.vectors(kept) @ query
            best = np.argsort(-found, kind="stable")[:n]
            scores[place, : len(best)], rows[place, : len(best)] = found[best], kept[best]
        return scores, rows

    def _parameters(self, n: int, width: Width, among: Rows | None) -> Any:
        selector = None if among is None else among.handle
        if self._is_graph:
            inner = faiss().SearchParametersHNSW(efSearch=max(width.probes, n), sel=selector)
        elif self._file is not None:
            inner = faiss().SearchParametersIVF(nprobe=min(width.probes, self._file.nlist), sel=selector)
        else:
            inner = faiss().SearchParameters(sel=selector)
        if self._is_reduced:
            inner = faiss().SearchParametersPreTransform(index_params=inner)
        if not self._refines:
            return inner
        return faiss().IndexRefineSearchParameters(k_factor=width.factor, base_index_params=inner)


def score_nearest(
    searcher: Searcher,
    queries: Vectors,
    near: Vectors,
    grouped: Grouped,
    reach: float,
    n: int,
    alive: NDArray[np.bool_] | None = None,
) -> Found:
    """The best n rows from the lists nearest to each query, as far away as they may still hold a better one.

    First the nearest lists that have some rows together, then those whose centroid is at most `reach` further than
    the n-th of the rows found: so it looks as far as it must, wherever the rows lie and however few they are.
    near: how near the lists are, float32 [Q, L]. alive: rows that are still there, where some are not.
    """
    scores = np.full((len(queries), n), -np.inf, dtype=np.float32)
    rows = np.full((len(queries), n), -1, dtype=np.int64)

    def score(place: int, lists: NDArray[np.int64]) -> Found:
        chosen = grouped.of(lists)
        if alive is not None:
            chosen = chosen[alive[chosen]]
        return searcher.score_rows(queries[place : place + 1], n, chosen)

    for place in range(len(queries)):
        first = grouped.nearest(near[place], FIRST * n)
        found = score(place, first)
        worst = found[0][0, -1] if found[1][0, -1] >= 0 else -np.inf
        further = grouped.within(near[place], float(worst) - reach, first)
        if len(further):
            found = merged(found, score(place, further))
        scores[place], rows[place] = found[0][0], found[1][0]
    return scores, rows


def merged(one: Found, other: Found) -> Found:
    """Two searches' results as one, best first."""
    n = max(one[0].shape[1], other[0].shape[1])
    scores = np.concatenate([one[0], other[0]], axis=1)
    rows = np.concatenate([one[1], other[1]], axis=1)
    scores[rows < 0] = -np.inf
    return in_order(scores, rows, n)


def in_order(scores: Vectors, rows: Keys, n: int) -> Found:
    """The first n columns [Q, n] by descending score."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    queries = np.arange(len(order))[:, None]
    return scores[queries, order], rows[queries, order]


def nearest_of(queries: Vectors, vectors: Vectors, rows: Keys, n: int) -> Found:
    """The best n of these vectors [N, dim], which stand for these rows, in the shape of a search."""
    if not len(rows):
        return np.full((len(queries), n), -np.inf, dtype=np.float32), np.full((len(queries), n), -1, dtype=np.int64)
    with threads_for(len(queries)):
        scores, places = faiss().knn(queries, vectors, n, metric=faiss().METRIC_INNER_PRODUCT)
    return scores, np.where(places < 0, -1, rows[places])


@contextmanager
def threads_for(queries: int) -> Iterator[None]:
    """One thread for one query: FAISS's threads cost more than they bring there. Set for this thread alone."""
    if queries > 1:
        yield
        return
    threads = faiss().omp_get_max_threads()
    faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss().omp_set_num_threads(threads)
