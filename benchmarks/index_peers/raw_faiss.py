"""Raw faiss, by index type: what notelens is built on, with nothing around it.

Lists, training vectors a list, links and construction width are those that notelens takes by default, so that a
pair differs in what stands around the index and not in the index.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from math import log2, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import EFS, Found, Peer, Where, Width
from .data import DIM, Corpus

faiss: Any = import_module("faiss")  # untyped: its stubs do not know the keywords of search parameters
_CODES = {"ivf_sq8": "SQ8", "ivf_pq": f"PQ{DIM // 2}x4fs", "ivf_rabitq": "RaBitQfs"}
_PROBES = (*range(1, 33), *range(34, 65, 2), *range(72, 129, 8), 160, 192, 224, 256, 320, 384, 512, 768, 1024, 2048)
_FACTORS = (1, 2, 3, 4, 6, 8, 12, 16, 32)
_FILE = "index.faiss"


class RawFaiss(Peer):
    """One index of faiss; a save is write_index over the file in place, then fsync."""

    packages = ("faiss-cpu",)

    def __init__(self, threads: int, kind: str) -> None:
        super().__init__(threads)
        self.kind = kind
        self._selectors: dict[Where, tuple[Any, Any]] = {}
        faiss.omp_set_num_threads(threads)
        if kind == "hnsw":
            self.ladders = (tuple({"ef": ef} for ef in (*range(10, 33), *EFS[7:], 4096)),)
        self.note = {"flat": "exact; filter through IDSelectorBitmap", "hnsw": "HNSW32, efConstruction 64"}.get(
            kind, f"IVF,{_CODES.get(kind)},RFlat; 64 training vectors a list"
        )

    def build(self, folder: Path, corpus: Corpus) -> None:
        rows = np.ascontiguousarray(corpus.vectors[: corpus.rows])
        self.index = self._made(corpus.rows)
        if not self.index.is_trained:
            self.index.train(rows)
        self.index.add(rows)
        folder.mkdir(parents=True)
        self._save(folder)

    def open(self, folder: Path, corpus: Corpus) -> None:
        self._folder, self._corpus = folder, corpus
        self.index = faiss.read_index(str(folder / _FILE))
        if self.kind in _CODES:
            lists = faiss.extract_index_ivf(self.index).nlist
            steps = (*(probes for probes in _PROBES if probes < lists), lists)
            self.ladders = tuple(tuple({"nprobe": step, "kf": factor} for step in steps) for factor in _FACTORS)

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        found: Found = self.index.search(queries, k, params=self._parameters(where, width))[1]
        return found

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        self._selectors.clear()
        self.index.add(np.ascontiguousarray(corpus.vectors[rows]))
        self._save(self._folder)

    def present(self, rows: Sequence[int]) -> int:
        return sum(row < self.index.ntotal for row in rows)

    def details(self) -> dict[str, Any]:
        file = faiss.extract_index_ivf(self.index) if self.kind in _CODES else None
        return {"lists": file.nlist} if file is not None else {}

    def _made(self, rows: int) -> Any:
        if self.kind == "flat":
            return faiss.IndexFlatIP(DIM)
        if self.kind == "hnsw":
            graph = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
            graph.hnsw.efConstruction = 64
            return graph
        lists = min(2 ** round(log2(1.6 * sqrt(rows))), rows // 4)
        made = faiss.index_factory(DIM, f"IVF{lists},{_CODES[self.kind]},RFlat", faiss.METRIC_INNER_PRODUCT)
        file = faiss.extract_index_ivf(made)
        file.cp.min_points_per_centroid, file.cp.max_points_per_centroid = 1, 64
        return made

    def _parameters(self, where: Where | None, width: Width) -> Any:
        selector = self._selector(where)
        if self.kind == "flat":
            return faiss.SearchParameters(sel=selector)
        if self.kind == "hnsw":
            return faiss.SearchParametersHNSW(sel=selector, efSearch=width.get("ef", 16))
        inner = faiss.SearchParametersIVF(sel=selector, nprobe=width.get("nprobe", 1))
        return faiss.IndexRefineSearchParameters(k_factor=width.get("kf", 1), base_index_params=inner)

    def _selector(self, where: Where | None) -> Any:
        if where is None:
            return None
        if where not in self._selectors:
            bits = np.packbits(self._corpus.mask(where.column, where.value, self.index.ntotal), bitorder="little")
            self._selectors[where] = (faiss.IDSelectorBitmap(bits), bits)  # faiss only points to the bits
        return self._selectors[where][0]

    def _save(self, folder: Path) -> None:
        faiss.write_index(self.index, str(folder / _FILE))
        with (folder / _FILE).open("rb+") as file:
            os.fsync(file.fileno())
