"""LanceDB: a columnar store with an index of HNSW over 8-bit codes, re-ranked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import EFS, Found, Peer, Where, Width
from .data import DIM, Corpus

_CHUNK = 100_000


class Lance(Peer):
    """One table; rows written since the last optimize() are scanned."""

    packages = ("lancedb",)
    note = "IVF_HNSW_SQ in one partition, m 32, ef_construction 64, refine_factor 2; BITMAP on category and region"
    ladders = (tuple({"ef": ef} for ef in EFS if ef >= 20),)  # it wants ef at no less than k times refine_factor

    def build(self, folder: Path, corpus: Corpus) -> None:
        import lancedb

        database = lancedb.connect(str(folder))
        batches = [
            _table(range(start, min(start + _CHUNK, corpus.rows)), corpus) for start in range(0, corpus.rows, _CHUNK)
        ]
        table = database.create_table("rows", batches[0])
        for batch in batches[1:]:
            table.add(batch)
        table.create_index(
            metric="dot",
            index_type="IVF_HNSW_SQ",
            num_partitions=1,
            m=32,
            ef_construction=64,
            vector_column_name="vector",
        )
        table.create_scalar_index("row", index_type="BTREE")
        for column in ("category", "region"):
            table.create_scalar_index(column, index_type="BITMAP")

    def open(self, folder: Path, corpus: Corpus) -> None:  # noqa: ARG002 -- it stores its payloads itself
        import lancedb

        self.table = lancedb.connect(str(folder)).open_table("rows")

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        asked: Any = queries[0] if len(queries) == 1 else list(queries)
        query = (
            self.table.search(asked).distance_type("dot").limit(k).nprobes(1).ef(width.get("ef", 16)).refine_factor(2)
        )
        if where is not None:
            query = query.where(f"{where.column} = '{where.value}'", prefilter=True)
        found = query.select(["row"]).to_arrow()
        rows = found["row"].to_numpy()
        if len(queries) == 1:
            return [rows]
        number = found["query_index"].to_numpy()
        return [rows[number == each] for each in range(len(queries))]

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        merge = self.table.merge_insert("row").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(_table(rows, corpus))

    def present(self, rows: Sequence[int]) -> int:
        return int(self.table.count_rows(f"row in ({', '.join(map(str, rows))})"))


def _table(rows: Sequence[int], corpus: Corpus) -> Any:
    import pyarrow as pa

    vectors = np.ascontiguousarray(corpus.vectors[rows[0] : rows[-1] + 1])
    payloads = [corpus.payload(row) for row in rows]
    return pa.table(
        {
            "row": pa.array(list(rows), pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIM),
            "category": [payload["category"] for payload in payloads],
            "region": [payload["region"] for payload in payloads],
            "rank": pa.array([payload["rank"] for payload in payloads], pa.float64()),
        }
    )
