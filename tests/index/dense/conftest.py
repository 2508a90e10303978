"""20,000 clustered vectors with attributes to filter by, and one index of each kind over them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from index import Attribute, AttributeType, FaissConfig, FaissIndex, IndexSchema, Record
from index.base import Vectors
from index.dense.base import Base, load_base
from index.store.store import Store

DIM, ROWS, CLUSTERS = 32, 20_000, 150
KINDS = ("flat", "hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq")
SCHEMA = IndexSchema((Attribute("dice", AttributeType.NUMBER), Attribute("side", AttributeType.NUMBER)))


def clustered(rows: int, seed: int) -> Vectors:
    """Unit rows float32 [rows, DIM] around the same centres whatever the seed."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((CLUSTERS, DIM))
    x = centres[rng.integers(0, CLUSTERS, rows)] + 0.6 * rng.standard_normal((rows, DIM))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Corpus:
    """Row i is the record n00000 …; dice and side are ranks in [0, 10,000), by chance and along one direction."""

    vectors: Vectors
    dice: NDArray[np.int64]
    side: NDArray[np.int64]
    queries: Vectors
    far: Vectors
    """Queries from the end of the direction where side is greatest."""

    def best(self, queries: Vectors, k: int, mask: NDArray[np.bool_] | None = None) -> Vectors:
        """The k best scores (float64 [Q, ≤ k]), found with one matrix product."""
        among = self.vectors if mask is None else self.vectors[mask]
        scores = queries.astype(np.float64) @ among.T.astype(np.float64)
        return -np.sort(-scores, axis=1)[:, :k]

    def recall(self, found: list[NDArray[np.float32]], best: Vectors) -> float:
        """The share of the true neighbours that were found; one as good as the k-th counts."""
        hits = [np.count_nonzero(scores >= truth[-1] - 2e-6) for scores, truth in zip(found, best, strict=True)]
        return float(np.mean(np.minimum(hits, best.shape[1])) / best.shape[1])


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    vectors = clustered(ROWS, 1)
    rng = np.random.default_rng(2)
    direction = rng.standard_normal(DIM)
    side = np.argsort(np.argsort(vectors @ direction)) * 10_000 // ROWS
    dice = rng.permutation(ROWS) * 10_000 // ROWS
    queries = clustered(300, 3)
    far = queries[np.argsort(-(queries @ direction))[:80]]
    return Corpus(vectors, dice, side, queries, np.ascontiguousarray(far))


@pytest.fixture(scope="session")
def folder_of(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """folder_of(name, **settings): the corpus in an index with these settings, without a base yet."""
    root = tmp_path_factory.mktemp("dense")
    with FaissIndex.create(root / "all", dim=DIM, fingerprint="f", schema=SCHEMA) as index:
        index.upsert(
            Record(f"n{i:05d}", vector, {"dice": int(corpus.dice[i]), "side": int(corpus.side[i])}, "")
            for i, vector in enumerate(corpus.vectors)
        )

    def make(name: str, **settings: Any) -> Path:
        folder = Path(shutil.copytree(root / "all", root / name, ignore=shutil.ignore_patterns("base-*")))
        manifest = folder / "v1" / "version.json"
        found = json.loads(manifest.read_text())
        manifest.write_text(json.dumps(found | {"config": asdict(FaissConfig(**settings))}))
        return folder

    return make


@pytest.fixture(scope="session")
def built(folder_of: Callable[..., Path]) -> Iterator[Callable[[str], FaissIndex]]:
    """built(kind): the corpus in a base of that kind, made once."""
    made: dict[str, FaissIndex] = {}

    def build(kind: str) -> FaissIndex:
        if kind not in made:
            made[kind] = FaissIndex.open(folder_of(kind, kind=kind, m=16, ef_construction=40))
            made[kind].compact()
        return made[kind]

    yield build
    for index in made.values():
        index.close()


@pytest.fixture(scope="session")
def base_of(built: Callable[[str], FaissIndex]) -> Callable[[str], Base]:
    """base_of(kind): the base of built(kind), as another process would open it."""

    def load(kind: str) -> Base:
        info = built(kind).info()
        version = Path(str(info["path"])) / "v1"
        store = Store(version / "notes.sqlite", DIM, SCHEMA)
        try:
            with store.reading():
                base = load_base(store, version, str(info["index_id"]))
        finally:
            store.close()
        assert base is not None
        return base

    return load


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param
