"""One fixture over all back-ends, and the few helpers that every file here needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from index import ExactIndex, FaissConfig, FaissIndex, NoteIndex, Record
from index.base import JSON, Vectors

# Few enough candidates a search that the graph is walked over the 300 rows of a test, many enough to miss none.
GRAPH = FaissConfig(ef_search=140)


@dataclass
class Backend:
    name: str
    folder: Path
    opened: list[NoteIndex] = field(default_factory=list)

    @property
    def durable(self) -> bool:
        return self.name != "exact"

    def create(self, dim: int, name: str = "index") -> NoteIndex:
        index: NoteIndex
        if self.name == "exact":
            index = ExactIndex(dim, "print-1", {"template": "v1"})
        else:
            index = FaissIndex.create(
                self.folder / name,
                dim=dim,
                fingerprint="print-1",
                meta={"template": "v1"},
                kind="hnsw" if self.name == "hnsw" else "flat",
                config=GRAPH,
            )
        self.opened.append(index)
        return index

    def reopen(self, index: NoteIndex, name: str = "index") -> NoteIndex:
        """The same index after its process ended; an index in memory just goes on."""
        if not self.durable:
            return index
        index.close()
        again = FaissIndex.open(self.folder / name)
        self.opened.append(again)
        return again


@pytest.fixture(params=["exact", "flat", "hnsw"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(request.param, tmp_path)
    yield backend
    for index in backend.opened:
        index.close()


@pytest.fixture(params=["flat", "hnsw"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    backend = Backend(request.param, tmp_path)
    yield backend
    for index in backend.opened:
        index.close()


@pytest.fixture
def unit() -> Callable[[int, int, int], Vectors]:
    """Seeded random unit rows: unit(n, dim, seed) → float32 [n, dim]."""

    def rows(n: int, dim: int, seed: int) -> Vectors:
        x = np.random.default_rng(seed).standard_normal((n, dim))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    return rows


@pytest.fixture
def record() -> Callable[..., Record]:
    def make(name: str, vector: Vectors, payload: dict[str, JSON] | None = None, mark: str = "h") -> Record:
        return Record(name, vector, {} if payload is None else payload, mark)

    return make
