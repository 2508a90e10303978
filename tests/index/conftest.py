"""One fixture over all back-ends, and the few helpers that every file here needs.

The back-ends are listed in backends.py, beside what the suite must know of each.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from index import ExactIndex, FaissConfig, Filter, NoteIndex, Record
from index.base import JSON, Neighbours, Vectors
from index.dense.calibrate import Calibration
from index.dense.search import Width

if TYPE_CHECKING:
    from tests.index.backends import Backend

EVERYTHING = 1_000_000


def _beside(name: str) -> ModuleType:
    """A module of this folder: tests are no packages, so by its path."""
    spec = importlib.util.spec_from_file_location(f"index_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


backends = _beside("backends")
milvus_server = _beside("milvus_server").milvus_server


def _params(names: Iterable[str]) -> list[object]:
    return [pytest.param(name, marks=backends.MARKS.get(name, [])) for name in names]


def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look everywhere, so that no kind misses a neighbour, and under a filter never just score all that match.

    What a calibrated width misses is measured in tests/index/dense.
    """
    width = Width(1000, 100.0)
    wide = Calibration(ten=width, hundred=width, thousand=width, reach=4.0)
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


@pytest.fixture(scope="session")
def shelf(request: pytest.FixtureRequest) -> object:
    """The server's indexes that one test after another uses."""
    return backends.Shelf(*request.getfixturevalue("milvus_server"))


@pytest.fixture(params=_params(backends.BACKENDS))
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """Every back-end in turn, every kind with and without a base, none missing a neighbour."""
    _wide(monkeypatch)
    backend = backends.BACKENDS[request.param](request)
    yield backend
    backend.close()


@pytest.fixture(params=_params(backends.WITH_WORDS))
def worded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """The same of those that have keyword search."""
    _wide(monkeypatch)
    backend = backends.BACKENDS[request.param](request)
    yield backend
    backend.close()


@pytest.fixture(params=_params(backends.IMPLEMENTATIONS))
def implementation(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """One back-end of each class."""
    backend = backends.BACKENDS[request.param](request)
    yield backend
    backend.close()


@pytest.fixture(params=["flat", "hnsw", "ivf_pq"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """FAISS in a folder, as it is set up by default but for its kind."""
    backend = backends.FaissBackend(tmp_path, config=FaissConfig(kind=request.param), folds=True)
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
    return lambda dim: Pair(backend, backend.create(dim), ExactIndex(dim, schema=backends.SCHEMA), same)
