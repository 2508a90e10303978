"""milvus-lite: Milvus' interface over an embedded file, spoken to through pymilvus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .base import GRAPH, Found, Peer, Where, Width
from .data import DIM, Corpus

_CHUNK = 5000


class MilvusLite(Peer):
    """One collection, flushed and loaded."""

    packages = ("milvus-lite", "pymilvus")
    note = (
        "HNSW M 32, efConstruction 64 through pymilvus (gRPC in the process), flushed; INVERTED on category and region"
    )
    ladders = GRAPH

    def build(self, folder: Path, corpus: Corpus) -> None:
        from pymilvus import DataType, MilvusClient

        folder.mkdir(parents=True)
        client = MilvusClient(str(folder / "rows.db"))
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
        for column in ("category", "region"):
            schema.add_field(column, DataType.VARCHAR, max_length=16)
        schema.add_field("rank", DataType.DOUBLE)
        indexes = client.prepare_index_params()
        graph = {"M": 32, "efConstruction": 64}
        indexes.add_index("vector", index_type="HNSW", metric_type="IP", params=graph)
        for column in ("category", "region"):
            indexes.add_index(column, index_type="INVERTED")
        client.create_collection("rows", schema=schema, index_params=indexes)
        self.client = client
        for start in range(0, corpus.rows, _CHUNK):
            self.upsert(range(start, min(start + _CHUNK, corpus.rows)), corpus)
        client.flush("rows")
        client.load_collection("rows")
        self.search(corpus.queries[:1], 10, None, {"ef": 16})  # an index it makes late is part of the build
        client.close()

    def open(self, folder: Path, corpus: Corpus) -> None:  # noqa: ARG002 -- it stores its payloads itself
        from pymilvus import MilvusClient

        self.client = MilvusClient(str(folder / "rows.db"))
        self.client.load_collection("rows")

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        found = self.client.search(
            "rows",
            data=list(queries),
            limit=k,
            filter=f'{where.column} == "{where.value}"' if where else "",
            output_fields=["row"],
            search_params={"metric_type": "IP", "params": {"ef": width.get("ef", 16)}},
        )
        return [[hit["row"] for hit in hits] for hits in found]

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        data = [{"row": row, "vector": corpus.vectors[row], **corpus.payload(row)} for row in rows]
        self.client.upsert("rows", [{**each, "rank": float(each["rank"])} for each in data])

    def present(self, rows: Sequence[int]) -> int:
        found = 0
        for start in range(0, len(rows), _CHUNK):
            some = ", ".join(map(str, rows[start : start + _CHUNK]))
            found += len(self.client.query("rows", filter=f"row in [{some}]", output_fields=["row"]))
        return found

    def close(self) -> None:
        self.client.close()
