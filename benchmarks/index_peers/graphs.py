"""hnswlib and usearch: HNSW libraries without payloads; a filter is a callback, or drops rows after the search."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import GRAPH, Found, Peer, Where, Width
from .data import DIM, EXTRA, Corpus

_FILE = "graph.bin"
_LINKS, _CONSTRUCTION = 32, 64
"""As faiss HNSW32 with its usual construction width; usearch and hnswlib double the links on the lowest level too."""


def _synced(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


class HnswLib(Peer):
    """hnswlib.Index; a save is save_index over the file in place."""

    packages = ("hnswlib",)
    note = "M 32, ef_construction 64; the filter is a Python callback a visited node; saved in place"
    ladders = GRAPH

    def build(self, folder: Path, corpus: Corpus) -> None:
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=DIM)
        self.index.init_index(corpus.rows, M=_LINKS, ef_construction=_CONSTRUCTION)
        self.index.add_items(corpus.vectors[: corpus.rows], np.arange(corpus.rows), num_threads=self.threads)
        folder.mkdir(parents=True)
        self.index.save_index(str(folder / _FILE))
        _synced(folder / _FILE)

    def open(self, folder: Path, corpus: Corpus) -> None:
        import hnswlib

        self._file, self._corpus = folder / _FILE, corpus
        self._masks: dict[Where, bytes] = {}
        self.index = hnswlib.Index(space="ip", dim=DIM)
        self.index.load_index(str(self._file), max_elements=corpus.rows + EXTRA)

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        self.index.set_ef(width.get("ef", 16))
        if where is None:
            found: Found = self.index.knn_query(queries, k, num_threads=self.threads)[0]
            return found
        if where not in self._masks:
            self._masks[where] = self._corpus.mask(where.column, where.value, self._corpus.rows + EXTRA).tobytes()
        mask = self._masks[where]
        while k:  # it raises where it found fewer than k
            try:
                found = self.index.knn_query(queries, k, num_threads=1, filter=lambda row: mask[row] != 0)[0]
            except RuntimeError:
                k -= 1
            else:
                return found
        return [[]] * len(queries)

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        self.index.add_items(corpus.vectors[rows], np.asarray(rows), num_threads=self.threads)
        self.index.save_index(str(self._file))
        _synced(self._file)

    def present(self, rows: Sequence[int]) -> int:
        return len(set(rows) & set(self.index.get_ids_list()))


class USearch(Peer):
    """usearch.Index; a save is save() over the file in place."""

    packages = ("usearch",)
    note = "connectivity 32, expansion_add 64; no filter in its Python API: fetches more and drops; saved in place"
    ladders = GRAPH
    filtered_ladders = (tuple({"fetch": fetch, "ef": fetch} for fetch in (100, 200, 500, 1000, 2000, 5000, 10_000)),)

    def build(self, folder: Path, corpus: Corpus) -> None:
        from usearch.index import Index

        self.index = Index(ndim=DIM, metric="ip", dtype="f32", connectivity=_LINKS, expansion_add=_CONSTRUCTION)
        self.index.add(np.arange(corpus.rows), np.asarray(corpus.vectors[: corpus.rows]), threads=self.threads)
        folder.mkdir(parents=True)
        self.index.save(str(folder / _FILE))
        _synced(folder / _FILE)

    def open(self, folder: Path, corpus: Corpus) -> None:
        from usearch.index import Index

        self._file, self._corpus = folder / _FILE, corpus
        self._masks: dict[Where, NDArray[np.bool_]] = {}
        self.index = Index(ndim=DIM, metric="ip", dtype="f32", connectivity=_LINKS, expansion_add=_CONSTRUCTION)
        self.index.load(str(self._file))

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        self.index.expansion_search = width.get("ef", 16)
        fetch = width.get("fetch", k if where is None else 10 * k)
        keys: Any = np.atleast_2d(self.index.search(queries, fetch, threads=self.threads).keys)
        if where is None:
            return list(keys)
        if where not in self._masks:
            self._masks[where] = self._corpus.mask(where.column, where.value, self._corpus.rows + EXTRA)
        mask = self._masks[where]
        return [row[mask[row]][:k] for row in keys.astype(np.int64)]

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        self.index.add(np.asarray(rows), np.asarray(corpus.vectors[rows]), threads=self.threads)
        self.index.save(str(self._file))
        _synced(self._file)

    def present(self, rows: Sequence[int]) -> int:
        return int(np.sum(self.index.contains(np.asarray(rows))))
