"""notelens' own index: durable, with ids that are strings, payloads and planned filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index import Eq, FaissConfig, FaissIndex, Record
from index.schema import Attribute, AttributeType, IndexSchema

from .base import Found, Peer, Where, Width
from .data import DIM, Corpus

_CHUNK = 10_000
_SCHEMA = IndexSchema(
    (
        Attribute("category", AttributeType.TEXT),
        Attribute("region", AttributeType.TEXT),
        Attribute("rank", AttributeType.NUMBER),
    ),
    (),
)


class NoteLens(Peer):
    """One FaissIndex; its search width is its own, calibrated when it was built."""

    packages = ("notelens", "faiss-cpu")

    def __init__(self, threads: int, kind: str) -> None:
        super().__init__(threads)
        import faiss

        faiss.omp_set_num_threads(threads)
        self.kind = kind
        self.note = (
            "upsert in chunks of 10,000, each one durable transaction, then snapshot(); three attributes indexed"
        )

    def build(self, folder: Path, corpus: Corpus) -> None:
        config = FaissConfig(kind=self.kind, target_recall=self.target)  # type: ignore[arg-type] -- a name from KINDS
        index = FaissIndex.create(folder, dim=DIM, fingerprint="bench", schema=_SCHEMA, config=config)
        for start in range(0, corpus.rows, _CHUNK):
            index.upsert(_records(range(start, min(start + _CHUNK, corpus.rows)), corpus))
        index.snapshot()
        index.close()

    def open(self, folder: Path, corpus: Corpus) -> None:  # noqa: ARG002 -- it stores its payloads itself
        self.index = FaissIndex.open(folder)

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        where: Where | None,
        width: Width,  # noqa: ARG002 -- calibrated
    ) -> Found:
        return self.index.search(queries, k, where=Eq(where.column, where.value) if where else None).ids

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        self.index.upsert(_records(rows, corpus))

    def present(self, rows: Sequence[int]) -> int:
        return sum(record is not None for record in self.index.get([str(row) for row in rows], with_vectors=False))

    def details(self) -> dict[str, Any]:
        return dict(self.index.info())

    def close(self) -> None:
        self.index.close()


def _records(rows: Sequence[int], corpus: Corpus) -> Iterator[Record]:
    for row in rows:
        yield Record(str(row), corpus.vectors[row], corpus.payload(row), "")
