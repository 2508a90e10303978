"""The oracle: every score of every record, in memory, with NumPy."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

import numpy as np

from index.base import JSON, Capabilities, Neighbours, Progress, Record, Vectors
from index.checks import Row, checked_queries, checked_rows, distinct_ids, json_text
from index.errors import IndexClosed, InvalidQuery, MissingCapability, NoteIndexError
from index.filters.arrays import mask
from index.filters.bind import bind
from index.filters.tree import Filter
from index.ranking import inner_products, ranked
from index.schema import IndexSchema

_NOTHING = IndexSchema()
_K1, _B = 1.2, 0.75


class ExactIndex:
    """A NoteIndex that is a dict: plain, exhaustive, and gone with the process.

    Every write makes a new dict and puts it in place at once, so readers and scans keep the old one.
    Two threads must not write at the same time.
    """

    def __init__(
        self,
        dim: int,
        fingerprint: str = "",
        meta: Mapping[str, JSON] | None = None,
        schema: IndexSchema = _NOTHING,
    ) -> None:
        text = json_text(dict(meta or {}))
        if text is None:
            raise NoteIndexError("meta is not JSON. Convert its values first.")
        self._dim = dim
        self._fingerprint = fingerprint
        self._meta = text
        self._schema = schema
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
    def schema(self) -> IndexSchema:
        """What may be filtered by and what keyword search reads."""
        return self._schema

    @property
    def capabilities(self) -> Capabilities:
        """Exhaustive, with keyword search; neither durable nor shared."""
        return Capabilities(lexical=bool(self._schema.text), exact=True, durable=False, shared=False)

    def upsert(self, records: Iterable[Record]) -> None:
        """See NoteIndex.upsert."""
        rows = dict(self._open())
        for row in checked_rows(records, self._dim, self._schema):
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
        rows = self._matching(where)
        ids = [row.id for row in rows]
        stored = np.array([row.vector for row in rows], dtype=np.float32).reshape(len(rows), self._dim)
        best = [ranked(ids, inner_products(query, stored), k) for query in queries]
        return Neighbours([names for names, _ in best], [scores for _, scores in best])

    def keyword(self, text: str, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.keyword. A word asked twice counts twice; the filter touches no statistic."""
        from index.lexical.words import words  # its analyser takes a while to import

        if k < 1:
            raise InvalidQuery(f"k is {k}, expected at least 1. Ask for one record or more.")
        if not self._schema.text:
            raise MissingCapability("this index was made without text fields. Name some in its schema's `text`.")
        may_be_found = {row.id for row in self._matching(where)}
        documents = {name: Counter(words(self._text(row))) for name, row in self._open().items()}
        scores = _bm25(Counter(words(text)), documents)
        found = [name for name in scores if name in may_be_found]
        ids, best = ranked(found, np.array([scores[name] for name in found], dtype=np.float32), k)
        return Neighbours([ids], [best])

    def get(self, ids: Iterable[str], with_vectors: bool = True) -> list[Record | None]:
        """See NoteIndex.get."""
        rows = self._open()
        return [_record(rows[name], with_vectors) if name in rows else None for name in ids]

    def scan(self, batch_size: int = 1024, with_vectors: bool = True, where: Filter | None = None) -> Iterator[Record]:
        """See NoteIndex.scan."""
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}, expected at least 1.")
        rows = self._matching(where)
        return (_record(row, with_vectors) for row in rows)

    def count(self, where: Filter | None = None) -> int:
        """See NoteIndex.count."""
        return len(self._matching(where))

    def snapshot(self, on_progress: Progress | None = None) -> None:
        """Nothing is derived, so there is nothing to write."""
        self._open()
        if on_progress:
            on_progress(self.count())

    def compact(self, on_progress: Progress | None = None) -> None:
        """Nothing is derived, so there is nothing to fold."""
        self._open()
        if on_progress:
            on_progress(self.count())

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

    def _matching(self, where: Filter | None) -> list[Row]:
        rows = list(self._open().values())
        if where is None:
            return rows
        matching = mask(bind(where, self._schema), [row.values for row in rows])
        return [row for row, matches in zip(rows, matching, strict=True) if matches]

    def _text(self, row: Row) -> str:
        return "\n".join(self._schema.texts(json.loads(row.payload)))


def _bm25(asked: Counter[str], documents: Mapping[str, Counter[str]]) -> dict[str, float]:
    """The BM25 score of every document that holds one of the words; k1 = 1.2, b = 0.75.

    Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, section 3.4, with the idf
    ln(1 + (N − n + 0.5) / (n + 0.5)), which stays positive for a word that most documents hold.
    """
    scores: dict[str, float] = {}
    average = sum(document.total() for document in documents.values()) / max(len(documents), 1)
    for word, times in asked.items():
        holders = [name for name, document in documents.items() if document[word]]
        idf = math.log(1 + (len(documents) - len(holders) + 0.5) / (len(holders) + 0.5))
        for name in holders:
            frequency, length = documents[name][word], documents[name].total()
            weight = frequency * (_K1 + 1) / (frequency + _K1 * (1 - _B + _B * length / average))
            scores[name] = scores.get(name, 0.0) + times * idf * weight
    return scores


def _record(row: Row, with_vector: bool) -> Record:
    vector = row.vector.copy() if with_vector else np.empty(0, dtype=np.float32)
    return Record(row.id, vector, json.loads(row.payload), row.content_hash)
