"""Every way to keep records that the suite runs over, and what it must know of each.

A back-end joins by a `Backend` of its own and a line in `BACKENDS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from index import Attribute, AttributeType, ExactIndex, FaissConfig, FaissIndex, IndexSchema, NoteIndex
from index.base import JSON
from index.milvus import MilvusAccess, MilvusConfig, MilvusIndex

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


@dataclass
class Backend(ABC):
    """What the suite must know of a back-end. `folder` is the test's own."""

    folder: Path
    opened: list[NoteIndex] = field(default_factory=list)
    places: dict[int, str] = field(default_factory=dict)

    durable: ClassVar[bool] = True
    """What its capabilities must say: a write that returned survives the machine."""
    lexical: ClassVar[bool] = True
    """The same of keyword search."""
    keyword_scores_exact: ClassVar[bool] = True
    """Scores of keyword search are the oracle's; otherwise words are weighed by less than the whole index."""
    slow: ClassVar[bool] = False
    """A request takes long, so what repeats hundreds of them does so for a part."""

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


class MilvusLiteBackend(Backend):
    """milvus-lite over a file of the test's own; opened again, it has read that from disk."""

    durable = False  # it never asks the disk to write
    keyword_scores_exact = False

    def _created(self, dim: int, name: str, schema: IndexSchema) -> NoteIndex:
        return MilvusIndex.create(
            self.folder / f"{name}.db", "notes", dim, "print-1", {"template": "v1"}, schema, MilvusConfig("FLAT")
        )

    def _opened(self, name: str) -> NoteIndex:
        return MilvusIndex.open(self.folder / f"{name}.db", "notes")


@dataclass
class Shelf:
    """Indexes on a server that no test has now, by dim and schema."""

    uri: str
    access: MilvusAccess
    free: dict[tuple[int, IndexSchema], list[str]] = field(default_factory=dict)
    made: int = 0


@dataclass
class MilvusServerBackend(Backend):
    """A Milvus server. Making a collection there takes seconds, so one test's index is emptied for the next one."""

    shelf: Shelf = field(kw_only=True)
    taken: dict[str, tuple[str, tuple[int, IndexSchema]]] = field(default_factory=dict)
    """The name there, and what it may be used for again, by the test's own name."""

    lexical = False
    slow = True

    def close(self) -> None:
        super().close()
        for name, kind in self.taken.values():
            self.shelf.free.setdefault(kind, []).append(name)

    def _created(self, dim: int, name: str, schema: IndexSchema) -> NoteIndex:
        shelf, kind = self.shelf, (dim, schema)
        assert name not in self.taken, f"{name} is there already"
        if free := shelf.free.get(kind):
            self.taken[name] = free.pop(), kind
            index = self._opened(name)
            index.delete([row.id for row in index.scan(with_vectors=False)])
            assert index.count() == 0
            return index
        shelf.made += 1
        self.taken[name] = f"suite_{shelf.made}", kind
        return MilvusIndex.create(
            shelf.uri,
            self.taken[name][0],
            dim,
            "print-1",
            {"template": "v1"},
            schema,
            MilvusConfig("FLAT"),
            shelf.access,
        )

    def _opened(self, name: str) -> NoteIndex:
        return MilvusIndex.open(self.shelf.uri, self.taken[name][0], access=self.shelf.access)


Made = Callable[[pytest.FixtureRequest], Backend]


def _in_folder(kind: type[Backend]) -> Made:
    return lambda request: kind(request.getfixturevalue("tmp_path"))


def _faiss(kind: str, folds: bool) -> Made:
    config = FaissConfig(kind=kind, nlist=8)
    return lambda request: FaissBackend(request.getfixturevalue("tmp_path"), config=config, folds=folds)


def _milvus_server(request: pytest.FixtureRequest) -> Backend:
    return MilvusServerBackend(request.getfixturevalue("tmp_path"), shelf=request.getfixturevalue("shelf"))


BACKENDS: dict[str, Made] = {
    "exact": _in_folder(ExactBackend),
    **{f"{kind}-delta": _faiss(kind, False) for kind in KINDS},
    **{f"{kind}-base": _faiss(kind, True) for kind in KINDS},
    "milvus-lite": _in_folder(MilvusLiteBackend),
    "milvus-server": _milvus_server,
}
"""Every way to keep records."""
MARKS = {"milvus-server": [pytest.mark.milvus_server]}
"""What a machine must have for it, by name."""
WITH_WORDS = tuple(name for name in BACKENDS if name != "milvus-server")
"""Those with keyword search."""
IMPLEMENTATIONS = ("exact", "flat-delta", "milvus-lite")
"""One name for each class: for what does not depend on how vectors are searched."""
