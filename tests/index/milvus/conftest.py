"""Two places to keep an index: a milvus-lite folder, and the server of tests/index/milvus_server.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.base import JSON, Neighbours, NoteIndex, Record, Vectors
from index.exact import ExactIndex
from index.milvus import MilvusAccess, MilvusConfig, MilvusIndex
from index.schema import Attribute, AttributeType, IndexSchema

FLAT = MilvusConfig(index_type="FLAT")
SCHEMA = IndexSchema(
    (
        Attribute("category", AttributeType.TEXT),
        Attribute("like", AttributeType.NUMBER, ("price",)),  # a word of Milvus' grammar
        Attribute("created_at", AttributeType.TIME),
        Attribute("public", AttributeType.BOOL),
        Attribute("tags", AttributeType.TEXTS),
    ),
    ("title", "tags"),
)
DIM = 8
_numbers = count()


@dataclass
class Place:
    """Where indexes are made, and those that were."""

    uri: str
    access: MilvusAccess
    opened: list[NoteIndex] = field(default_factory=list)

    @property
    def is_server(self) -> bool:
        return self.uri.startswith("http")

    def create(
        self, name: str = "", dim: int = DIM, schema: IndexSchema = SCHEMA, config: MilvusConfig = FLAT
    ) -> MilvusIndex:
        name = name or f"notes{next(_numbers)}"
        made = MilvusIndex.create(self.uri, name, dim, "print-1", {"template": "v1"}, schema, config, self.access)
        self.opened.append(made)
        return made

    def open(self, name: str, fingerprint: str | None = None) -> MilvusIndex:
        index = MilvusIndex.open(self.uri, name, fingerprint, access=self.access)
        self.opened.append(index)
        return index

    def close(self) -> None:
        for index in self.opened:
            index.close()


@pytest.fixture(scope="session", params=["lite", pytest.param("server", marks=pytest.mark.milvus_server)])
def milvus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Both places in turn."""
    if request.param == "lite":
        place = Place(str(tmp_path_factory.mktemp("lite") / "notes.db"), MilvusAccess())
    else:
        place = Place(*request.getfixturevalue("milvus_server"))
    yield place
    place.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Place]:
    """A milvus-lite folder of the test's own."""
    place = Place(str(tmp_path / "notes.db"), MilvusAccess())
    yield place
    place.close()


@pytest.fixture
def server(milvus_server: tuple[str, MilvusAccess]) -> Iterator[Place]:
    """The server alone."""
    place = Place(*milvus_server)
    yield place
    place.close()


@pytest.fixture(scope="session")
def oracle() -> Callable[..., ExactIndex]:
    """An exact index with the same schema: oracle(records)."""

    def make(records: Sequence[Record] = (), dim: int = DIM, schema: IndexSchema = SCHEMA) -> ExactIndex:
        exact = ExactIndex(dim, "print-1", {"template": "v1"}, schema)
        exact.upsert(records)
        return exact

    return make


@pytest.fixture(scope="session")
def units() -> Callable[..., Vectors]:
    """Seeded random unit rows: units(n, seed) → float32 [n, dim]."""

    def rows(n: int, seed: int, dim: int = DIM) -> Vectors:
        x = np.random.default_rng(seed).standard_normal((n, dim))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    return rows


@pytest.fixture(scope="session")
def notes(units: Callable[..., Vectors]) -> Callable[..., list[Record]]:
    """Seeded records, some attributes missing, every third vector repeated: notes(n, seed)."""
    categories = ["food", 'a "quoted" \\ one', "上海\x00美食", "", " ![]", "😀", "\ue000", "Food"]
    tags = ["ramen", "line\nbreak", "", "上海", "'", '"', "a" * 300]

    def make(n: int, seed: int = 0, prefix: str = "note") -> list[Record]:
        rng = np.random.default_rng(seed)
        vectors = units(n, seed)
        vectors[2::3] = vectors[0 : len(vectors[2::3])]
        records = []
        for number in range(n):
            payload: dict[str, Any] = {"title": f"hello {number % 7} 上海 美食" if number % 2 else "café, can't wait"}
            choice: dict[str, JSON] = {
                "category": categories[rng.integers(len(categories))],
                "price": float(rng.choice([-0.0, 1e-300, -1.5, 3.25, 2.0**53, 7.1])),
                "created_at": f"2024-0{rng.integers(1, 9)}-11T10:00:00.{rng.integers(10):06d}+08:00",
                "public": bool(rng.integers(2)),
                "tags": [str(tag) for tag in rng.choice(tags, rng.integers(4), replace=False)],
            }
            payload |= {name: value for name, value in choice.items() if rng.random() < 0.7}
            records.append(Record(f"{prefix} {number:04d}\x00\"'\\[é", vectors[number], payload, f"hash\x00{number}"))
        return records

    return make


@pytest.fixture(scope="session")
def same() -> Callable[[Neighbours, Neighbours], None]:
    """Both answers have the same ids in the same order, and the same scores to the bit."""

    def check(got: Neighbours, wanted: Neighbours) -> None:
        assert got.ids == wanted.ids
        for mine, theirs in zip(got.scores, wanted.scores, strict=True):
            assert mine.dtype == np.float32
            np.testing.assert_array_equal(mine, theirs)

    return check
