"""zvec: an embedded vector store of collections with typed fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import GRAPH, Found, Peer, Where, Width
from .data import DIM, Corpus

_CHUNK = 1000  # it takes 1,024 documents a call


class Zvec(Peer):
    """One collection after optimize()."""

    packages = ("zvec",)
    note = (
        "HNSW fp32 m 32, ef_construction 64 after optimize(); inverted index on category and region; batches are a loop"
    )
    ladders = GRAPH

    def build(self, folder: Path, corpus: Corpus) -> None:
        import zvec

        self._start()
        folder.parent.mkdir(parents=True, exist_ok=True)
        graph = zvec.HnswIndexParam(metric_type=zvec.MetricType.IP, m=32, ef_construction=64)
        inverted = zvec.InvertIndexParam()
        schema = zvec.CollectionSchema(
            name="rows",
            fields=[
                *(
                    zvec.FieldSchema(name, zvec.DataType.STRING, index_param=inverted)
                    for name in ("category", "region")
                ),
                zvec.FieldSchema("rank", zvec.DataType.INT64),
            ],
            vectors=[zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, DIM, graph)],
        )
        self.collection = zvec.create_and_open(str(folder), schema)
        for start in range(0, corpus.rows, _CHUNK):
            self._write(range(start, min(start + _CHUNK, corpus.rows)), corpus)
        self.collection.optimize(zvec.OptimizeOption(concurrency=self.threads))
        self.collection.flush()
        self.collection.close()

    def open(self, folder: Path, corpus: Corpus) -> None:  # noqa: ARG002 -- it stores its payloads itself
        import zvec

        self._start()
        self.collection = zvec.open(str(folder))

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        import zvec

        parameter = zvec.HnswQueryParam(ef=width.get("ef", 16))
        chosen = f"{where.column} = '{where.value}'" if where else None
        found: list[list[Any]] = []
        for row in queries:
            query = zvec.Query("vector", vector=row, param=parameter)
            hits = self.collection.query(query, topk=k, filter=chosen, output_fields=[])
            found.append([hit.id for hit in hits])
        return found

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        for start in range(0, len(rows), _CHUNK):
            self._write(rows[start : start + _CHUNK], corpus)

    def present(self, rows: Sequence[int]) -> int:
        found = 0
        for start in range(0, len(rows), _CHUNK):
            names = [str(row) for row in rows[start : start + _CHUNK]]
            found += len(self.collection.fetch(names, output_fields=[], include_vector=False))
        return found

    def close(self) -> None:
        self.collection.close()

    def _start(self) -> None:
        import zvec

        zvec.init(log_type=zvec.LogType.CONSOLE, log_level=zvec.LogLevel.ERROR, query_threads=self.threads)

    def _write(self, rows: Sequence[int], corpus: Corpus) -> None:
        import zvec

        docs = [zvec.Doc(str(row), vectors={"vector": corpus.vectors[row]}, fields=corpus.payload(row)) for row in rows]
        refused = [status for status in self.collection.upsert(docs) if not status.ok()]
        if refused:
            raise RuntimeError(f"zvec refused {len(refused)} rows: {refused[0]}")
