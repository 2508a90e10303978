"""One fixture over all back-ends, and the few helpers that every file here needs.

A back-end joins the suite by a `Backend` of its own and a line in `BACKENDS`; see there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from index import Attribute, AttributeType, ExactIndex, FaissConfig, FaissIndex, Filter, IndexSchema, NoteIndex, Record
from index.base import JSON, Neighbours, Vectors
from index.dense.calibrate import Calibration
from index.dense.search import Width

SCHEMA = IndexSchema(
    (
        Attribute("category", AttributeType.TEXT),
        Attribute("tags", AttributeType.TEXTS),
        Attribute("price", AttributeType.NUMBER, ("shop", "price")),
        Attribute("created_at", AttributeType.TIME),
        Attribute("pinned", AttributeType.BOOL),
    ),
    ("title", "body", "tags"),
)
KINDS = ("flat", "hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq")
EVERYTHING = 1_000_000


@dataclass
class Backend(ABC):
    """What the suite must know of a back-end. `folder` is the test's own."""

    folder: Path
    opened: list[NoteIndex] = field(default_factory=list)
    places: dict[int, str] = field(default_factory=dict)

    durable: ClassVar[bool] = True
    """reopen() really opens again."""

    def create(self, dim: int, name: str = "index", schema: IndexSchema = SCHEMA) -> NoteIndex:
        """A new and empty index, built with the encoder "print-1" and the meta {"template": "v1"}."""
        return self._kept(self._created(dim, name, schema), name)

    def reopen(self, index: NoteIndex) -> NoteIndex:
        """The same index after its process ended; an index in memory just goes on."""
        name = self.places[id(index)]
        index.close()
        return self._kept(self._opened(name), name)

    def fold(self, index: NoteIndex) -> None:
        """Bring what was written into the derived files, where this back-end is tried with it there."""
        index.snapshot()

    def close(self) -> None:
        """Close all that was opened."""
        for index in self.opened:
            index.close()

    def tolerance(self, index: NoteIndex) -> float:
        """How far a score may be off the oracle's: one that is found by scoring every row is right to the bit."""
        return 0.0 if index.capabilities.exact else 2e-6

    @abstractmethod
    def _created(self, dim: int, name: str, schema: IndexSchema) -> NoteIndex: ...

    @abstractmethod
    def _opened(self, name: str) -> NoteIndex: ...

    def _kept(self, index: NoteIndex, name: str) -> NoteIndex:
        self.opened.append(index)
        self.places[id(index)] = name
        return index


class ExactBackend(Backend):
    """The oracle itself."""

    durable = False

    def reopen(self, index: NoteIndex) -> NoteIndex:
        return index

    def _created(self, dim: int, name: str, schema: IndexSchema) -> NoteIndex:
        return ExactIndex(dim, "print-1", {"template": "v1"}, schema)

    def _opened(self, name: str) -> NoteIndex:
        raise AssertionError("an index in memory cannot be opened")


@dataclass
class FaissBackend(Backend):
    """FAISS of one kind; with `folds`, half of what a test writes lies in a base and the other half upon it."""

    config: FaissConfig = field(default_factory=FaissConfig)
    folds: bool = False

    def fold(self, index: NoteIndex) -> None:
        if self.folds:
            index.compact()

    def _created(self, dim: int, name: str, schema: IndexSchema) -> NoteIndex:
        place = self.folder / name
        meta: dict[str, JSON] = {"template": "v1"}
        return FaissIndex.create(
            place, dim=dim, fingerprint="print-1", meta=meta, schema=schema, config=self.config, lock_timeout=1
        )

    def _opened(self, name: str) -> NoteIndex:
        return FaissIndex.open(self.folder / name, lock_timeout=1)


def _faiss(kind: str, folds: bool) -> Callable[[Path], Backend]:
    return lambda folder: FaissBackend(folder, config=FaissConfig(kind=kind, nlist=8), folds=folds)


BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "exact": ExactBackend,
    **{f"{kind}-delta": _faiss(kind, False) for kind in KINDS},
    **{f"{kind}-base": _faiss(kind, True) for kind in KINDS},
}
"""Every way to keep records. A back-end over a server adds its names here, with a Backend that connects to it."""
IMPLEMENTATIONS = ("exact", "flat-delta")
"""One name for each class: for what does not depend on how vectors are searched."""


def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look everywhere, so that no kind misses a neighbour, and under a filter never just score all that match.

    What a calibrated width misses is measured in tests/index/dense.
    """
    width = Width(1000, 100.0)
    wide = Calibration(ten=width, hundred=width, thousand=width, matches=EVERYTHING)
    monkeypatch.setattr("index.dense.base.calibrate", lambda *_: wide)
    monkeypatch.setattr("index.dense.live.cost_of_all", lambda *_: float("inf"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """FAISS's threads cost more than they bring to indexes this small, all the more beside other tests."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """Every back-end in turn, every kind with and without a base, none missing a neighbour."""
    _wide(monkeypatch)
    backend = BACKENDS[request.param](tmp_path)
    yield backend
    backend.close()


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """One back-end of each class."""
    backend = BACKENDS[request.param](tmp_path)
    yield backend
    backend.close()


@pytest.fixture(params=["flat", "hnsw", "ivf_pq"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """FAISS in a folder, as it is set up by default but for its kind."""
    backend = FaissBackend(tmp_path, config=FaissConfig(kind=request.param), folds=True)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def unit() -> Callable[[int, int, int], Vectors]:
    """Seeded random unit rows: unit(n, dim, seed) → float32 [n, dim]."""

    def rows(n: int, dim: int, seed: int) -> Vectors:
        x = np.random.default_rng(seed).standard_normal((n, dim))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    return rows


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    """A record with what is not of interest filled in."""

    def make(name: str, vector: Vectors, payload: dict[str, JSON] | None = None, mark: str = "h") -> Record:
        return Record(name, vector, {} if payload is None else payload, mark)

    return make


@pytest.fixture(scope="session")
def payload() -> Callable[[int], dict[str, JSON]]:
    """The payload of a seed: every attribute of the schema, each missing from some, and a few words."""
    categories = ["food", "travel", "美食", 'quo"te', "nul\x00", ""]
    tags = ["ramen", "tokyo", "🍜", "上海", "a'b"]
    words = ["noodle", "soup", "bridge", "river", "museum", "ticket", "拉面", "寿司", "garden", "café"]

    def make(seed: int) -> dict[str, JSON]:
        rng = np.random.default_rng([seed, 20261121])
        found: dict[str, JSON] = {
            "category": categories[rng.integers(len(categories))],
            "tags": [tags[i] for i in np.flatnonzero(rng.random(len(tags)) < 0.3)],
            "shop": {"price": float(rng.integers(0, 20)) / 2},
            "created_at": f"20{rng.integers(10, 26)}-0{rng.integers(1, 10)}-1{rng.integers(0, 10)}T08:00:00+02:00",
            "pinned": bool(rng.random() < 0.5),
            "title": " ".join(words[i] for i in rng.integers(0, len(words), rng.integers(1, 5))),
            "body": " ".join(words[i] for i in rng.integers(0, len(words), rng.integers(0, 9))),
        }
        return {name: value for name, value in found.items() if rng.random() < 0.85}

    return make


@pytest.fixture(scope="session")
def notes(unit: Callable[..., Vectors], payload: Callable[..., dict[str, JSON]]) -> Callable[..., list[Record]]:
    """notes(numbers, dim, seed): a record n000 … for each number, the same for the same arguments."""

    def make(numbers: Iterable[int], dim: int, seed: int = 0) -> list[Record]:
        made = []
        for number in numbers:
            vector = unit(1, dim, seed * 100_000 + number)[0]
            made.append(Record(f"n{number:03d}", vector, payload(seed * 100_000 + number), f"h{seed}"))
        return made

    return make


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    """Assert that two answers are one: ids in order, and scores within the tolerance (0: bit for bit)."""

    def check(found: Neighbours, expected: Neighbours, tolerance: float = 0.0) -> None:
        assert found.ids == expected.ids
        assert len(found.scores) == len(expected.scores)
        for mine, theirs in zip(found.scores, expected.scores, strict=True):
            assert mine.dtype == np.float32
            assert mine.shape == theirs.shape
            if tolerance:
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance)
            else:
                np.testing.assert_array_equal(mine, theirs)

    return check


@dataclass
class Pair:
    """A back-end's index and the oracle, given the same calls."""

    backend: Backend
    index: NoteIndex
    oracle: ExactIndex
    same: Callable[..., None]

    def upsert(self, records: Iterable[Record]) -> None:
        records = list(records)
        self.index.upsert(records)
        self.oracle.upsert(records)

    def delete(self, ids: Iterable[str]) -> None:
        ids = list(ids)
        assert self.index.delete(ids) == self.oracle.delete(ids)

    def fold(self) -> None:
        self.backend.fold(self.index)

    def reopen(self) -> None:
        self.index = self.backend.reopen(self.index)

    def check(self, queries: Vectors, k: int, where: Filter | None = None) -> Neighbours:
        """Assert that both answer alike; returns the answer."""
        found = self.index.search(queries, k, where)
        self.same(found, self.oracle.search(queries, k, where), self.backend.tolerance(self.index))
        return found

    def check_rows(self, where: Filter | None = None) -> list[str]:
        """Assert that both hold the same records in the same order; returns their ids."""
        found, expected = list(self.index.scan(7, where=where)), list(self.oracle.scan(where=where))
        assert [row.id for row in found] == [row.id for row in expected]
        for mine, theirs in zip(found, expected, strict=True):
            assert (mine.payload, mine.content_hash) == (theirs.payload, theirs.content_hash)
            np.testing.assert_array_equal(mine.vector, theirs.vector)
        assert self.index.count(where) == len(expected)
        return [row.id for row in found]


@pytest.fixture
def pair(backend: Backend, same: Callable[..., None]) -> Callable[[int], Pair]:
    """pair(dim): an empty index of the back-end beside an empty oracle."""
    return lambda dim: Pair(backend, backend.create(dim), ExactIndex(dim, schema=SCHEMA), same)
