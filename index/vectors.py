"""The vectors in memory: the only file that speaks to FAISS.

FAISS's traps stay in here. It stores NaN without a word and a duplicate id twice (callers give finite
vectors and each key once); HNSW cannot remove, so removed keys are kept out by a selector; and removing
from a flat index moves everything behind, so removals come in batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from index.base import Keys, Vectors

Kind = Literal["flat", "hnsw"]


@dataclass(frozen=True, slots=True)
class FaissConfig:
    """The settings of a FAISS index; kept in its manifest."""

    m: int = 32
    """Links a node in the HNSW graph."""
    ef_construction: int = 200
    ef_search: int = 128
    auto_hnsw_above: int = 50_000
    """With kind "auto": flat up to this many rows, HNSW above."""
    max_dead_share: float = 0.2
    """A snapshot rebuilds an HNSW graph when a larger share of it is removed rows."""
    snapshot_after: int = 1000
    """close() writes a snapshot when at least this many inserts and deletions came since the last."""


class VectorTable:
    """Keys (int64) and unit vectors (float32 [dim]) in one FAISS index under inner product."""

    def __init__(self, index: Any, kind: Kind, config: FaissConfig) -> None:
        self.kind = kind
        self._config = config
        self._index = index
        self._removed: Keys = np.empty(0, dtype=np.int64)
        self._parameters: Any = None
        self._select()

    @classmethod
    def empty(cls, kind: Kind, dim: int, config: FaissConfig) -> Self:
        """A table without rows."""
        faiss = _faiss()
        if kind == "flat":
            return cls(faiss.IndexIDMap2(faiss.IndexFlatIP(dim)), kind, config)
        graph = faiss.IndexHNSWFlat(dim, config.m, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = config.ef_construction
        return cls(faiss.IndexIDMap2(graph), kind, config)

    @classmethod
    def read(cls, path: Path, kind: Kind, dim: int, config: FaissConfig) -> Self:
        """A table from a file that write() made. Raises ValueError for any other content."""
        faiss = _faiss()
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        inner: Any = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap2) else None
        expected = faiss.IndexFlat if kind == "flat" else faiss.IndexHNSWFlat
        if not isinstance(inner, expected):
            raise ValueError(f"it is not a {kind} index")
        if inner.d != dim or inner.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ValueError(f"it is not of {dim} dimensions under inner product")
        return cls(index, kind, config)

    def write(self, path: Path) -> None:
        """Write the FAISS index; rows removed from an HNSW graph are still in it."""
        _faiss().write_index(self._index, str(path))

    @property
    def total(self) -> int:
        """The rows held, those removed from an HNSW graph included."""
        return int(self._index.ntotal)

    @property
    def live(self) -> int:
        """The rows that can be found."""
        return self.total - len(self._removed)

    @property
    def dead_share(self) -> float:
        """The share of the rows held that are removed."""
        return len(self._removed) / self.total if self.total else 0.0

    def keys(self) -> Keys:
        """The keys of the live rows."""
        keys: Keys = _faiss().vector_to_array(self._index.id_map)
        return keys if not len(self._removed) else keys[~np.isin(keys, self._removed)]

    def vectors(self, keys: Keys) -> Vectors:
        """The vectors (float32 [N, dim]) of these keys, each of which must be held."""
        vectors: Vectors = self._index.reconstruct_batch(keys)
        return vectors

    def add(self, keys: Keys, vectors: Vectors) -> None:
        """Add rows; no key may be held already."""
        self._index.add_with_ids(vectors, keys)

    def remove(self, keys: Keys) -> None:
        """Remove the rows of these keys, each of which must be held."""
        if not len(keys):
            return
        if self.kind == "flat":
            self._index.remove_ids(keys)
        else:
            self._removed = np.union1d(self._removed, keys)
            self._select()

    def nearest(self, queries: Vectors, n: int) -> tuple[Vectors, Keys]:
        """FAISS's own scores (float32 [Q, n]) and keys (int64 [Q, n]), best first, -1 where it found none."""
        if self.kind == "hnsw":
            self._parameters.efSearch = max(self._config.ef_search, n)
        faiss = _faiss()
        threads = faiss.omp_get_max_threads()
        # For a single query FAISS's threads cost more than they bring (1.1 ms with two, 0.4 ms with one, over
        # 10,000 rows of 512). The setting is that of the calling thread alone.
        faiss.omp_set_num_threads(1 if len(queries) == 1 else threads)
        try:
            scores, keys = self._index.search(queries, n, params=self._parameters)
        finally:
            faiss.omp_set_num_threads(threads)
        return scores, keys

    def is_worth_searching(self, n: int) -> bool:
        """Whether finding n rows through FAISS spares anything over scoring every row."""
        return self.live > (n if self.kind == "flat" else max(n, self._config.ef_search))

    def _select(self) -> None:
        if self.kind == "flat":
            return
        faiss = _faiss()
        if len(self._removed):  # FAISS's wrappers keep a selector alive only when it is given on construction
            kept = faiss.IDSelectorNot(faiss.IDSelectorBatch(self._removed))
            self._parameters = faiss.SearchParametersHNSW(sel=kept)
        else:
            self._parameters = faiss.SearchParametersHNSW()


def _faiss() -> Any:
    # Imported when an index is opened and not before. Untyped on purpose: FAISS's stubs lack
    # SearchParametersHNSW, and they import torch.
    return import_module("faiss")
