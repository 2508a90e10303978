"""The oracle: every score of every record, in memory, with NumPy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

import numpy as np

from index.base import JSON, Capabilities, Neighbours, Record, Vectors
from index.checks import Row, checked_queries, checked_rows, distinct_ids, json_text
from index.errors import IndexClosed, InvalidQuery, NoteIndexError
from index.filters import Filter
from index.ranking import inner_products, ranked


class ExactIndex:
    """A NoteIndex that is a dict: plain, exhaustive, and gone with the process.

    Every write makes a new dict and puts it in place at once, so readers and scans keep the old one.
    Two threads must not write at the same time.
    """

    def __init__(self, dim: int, fingerprint: str = "", meta: Mapping[str, JSON] | None = None) -> None:
        text = json_text(dict(meta or {}))
        if text is None:
            raise NoteIndexError("meta is not JSON. Convert its values first.")
        self._dim = dim
        self._fingerprint = fingerprint
        self._meta = text
        self._rows: dict[str, Row] | None = {}

    @property
    def dim(self) -> int:
        """The length of every vector."""
        return self._dim

    @property
    def fingerprint(self) -> str:
        """The encoder this index was built with."""
        return self._fingerprint

    @property
    def meta(self) -> dict[str, JSON]:
        """What was given at creation; a fresh copy."""
        meta: dict[str, JSON] = json.loads(self._meta)
        return meta

    @property
    def capabilities(self) -> Capabilities:
        """Exhaustive and filtered; neither durable nor shared."""
        return Capabilities(filters=True, exact=True, durable=False, shared=False)

    def upsert(self, records: Iterable[Record]) -> None:
        """See NoteIndex.upsert."""
        rows = dict(self._open())
        for row in checked_rows(records, self._dim):
            rows.pop(row.id, None)
            rows[row.id] = row
        self._rows = rows

    def delete(self, ids: Iterable[str]) -> int:
        """See NoteIndex.delete."""
        rows = dict(self._open())
        removed = sum(rows.pop(name, None) is not None for name in distinct_ids(ids))
        self._rows = rows
        return removed

    def search(self, vectors: Vectors, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.search."""
        queries = checked_queries(vectors, self._dim, k)
        rows = list(self._open().values())
        if where is not None:
            rows = [row for row in rows if where.matches(json.loads(row.payload))]
        ids = [row.id for row in rows]
        stored = np.array([row.vector for row in rows], dtype=np.float32).reshape(len(rows), self._dim)
        best = [ranked(ids, inner_products(query, stored), k) for query in queries]
        return Neighbours([names for names, _ in best], [scores for _, scores in best])

    def get(self, ids: Iterable[str], with_vectors: bool = True) -> list[Record | None]:
        """See NoteIndex.get."""
        rows = self._open()
        return [_record(rows[name], with_vectors) if name in rows else None for name in ids]

    def scan(self, batch_size: int = 1024, with_vectors: bool = True) -> Iterator[Record]:
        """See NoteIndex.scan."""
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}, expected at least 1.")
        rows = self._open()
        return (_record(row, with_vectors) for row in rows.values())

    def count(self) -> int:
        """See NoteIndex.count."""
        return len(self._open())

    def snapshot(self) -> None:
        """Nothing is derived, so there is nothing to write."""
        self._open()

    def info(self) -> dict[str, JSON]:
        """See NoteIndex.info."""
        return {"type": "exact", "rows": self.count(), "dim": self._dim, "bytes_on_disk": 0}

    def close(self) -> None:
        """Forget everything; closing twice is fine."""
        self._rows = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> dict[str, Row]:
        if self._rows is None:
            raise IndexClosed("This index was closed. Make a new one.")
        return self._rows


def _record(row: Row, with_vector: bool) -> Record:
    vector = row.vector.copy() if with_vector else np.empty(0, dtype=np.float32)
    return Record(row.id, vector, json.loads(row.payload), row.content_hash)
