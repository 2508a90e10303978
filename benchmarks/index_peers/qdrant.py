"""qdrant-edge: Qdrant's engine, in the process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .base import GRAPH, Found, Peer, Where, Width
from .data import DIM, Corpus

_CHUNK = 1000


class QdrantEdge(Peer):
    """One shard with a write-ahead log."""

    packages = ("qdrant-edge-py",)
    note = "HNSW m 32, ef_construct 64 after optimize(); keyword index on category and region"
    ladders = GRAPH

    def build(self, folder: Path, corpus: Corpus) -> None:
        import qdrant_edge as edge

        folder.mkdir(parents=True)
        graph = edge.HnswIndexConfig(
            m=32, ef_construct=64, full_scan_threshold=10_000, max_indexing_threads=self.threads
        )
        vectors = edge.EdgeVectorParams(size=DIM, distance=edge.Distance.Dot)
        config = edge.EdgeConfig(
            vectors=vectors,
            hnsw_config=graph,
            optimizers=edge.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=1000),
        )
        self.shard = edge.EdgeShard.create(str(folder), config)
        for column in ("category", "region"):
            self.shard.update(edge.UpdateOperation.create_field_index(column, edge.PayloadSchemaType.Keyword))
        for start in range(0, corpus.rows, _CHUNK):
            self._write(range(start, min(start + _CHUNK, corpus.rows)), corpus)
        while self.shard.optimize():
            pass
        self.shard.flush()
        self.shard.close()

    def open(self, folder: Path, corpus: Corpus) -> None:  # noqa: ARG002 -- it stores its payloads itself
        import qdrant_edge as edge

        self.shard = edge.EdgeShard.load(str(folder))

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        import qdrant_edge as edge

        chosen = None
        if where is not None:
            chosen = edge.Filter(must=[edge.FieldCondition(where.column, match=edge.MatchValue(where.value))])
        parameters = edge.SearchParams(hnsw_ef=width.get("ef", 16))
        asked = [
            edge.QueryRequest(limit=k, query=edge.Query.Nearest(row), filter=chosen, params=parameters)
            for row in queries.tolist()
        ]
        if len(asked) == 1:
            return [[point.id for point in self.shard.query(asked[0])]]
        found = self.shard.query_batch(edge.QueryBatchRequest(asked))
        return [[point.id for point in points] for points in found]

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        self._write(rows, corpus)  # the log has it; flush() would only shorten the next opening

    def present(self, rows: Sequence[int]) -> int:
        return len(self.shard.retrieve(list(rows), False, False))

    def close(self) -> None:
        self.shard.close()

    def _write(self, rows: Sequence[int], corpus: Corpus) -> None:
        import qdrant_edge as edge

        points = [edge.Point(row, corpus.vectors[row].tolist(), corpus.payload(row)) for row in rows]
        self.shard.update(edge.UpdateOperation.upsert_points(points))
