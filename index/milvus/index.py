"""The Milvus back-end: one class over milvus-lite and over a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from index.base import JSON, Capabilities, Neighbours, Progress, Record, Vectors
from index.checks import checked_queries, checked_rows, distinct_ids
from index.errors import InvalidQuery, InvalidVersion, MissingCapability
from index.filters.bind import bind
from index.filters.milvus import any_of, expression
from index.filters.tree import Filter
from index.milvus.about import about
from index.milvus.building import check_found, merge, settle
from index.milvus.config import MilvusAccess, MilvusConfig
from index.milvus.layout import ID
from index.milvus.neighbours import by_words, nearest
from index.milvus.opening import Opened, created, opened, staged
from index.milvus.reading import by_ids, count, record_fields, scan
from index.milvus.rows import Clock, Entity, entities, place, record, requests, written_words
from index.milvus.versions import Version
from index.schema import IndexSchema

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_IDS_A_DELETE: Final = 500
_SAMPLE: Final = 16  # rows that must find themselves before a version is published
_clock = Clock()


class MilvusIndex:
    """A NoteIndex in a Milvus collection. Usable as a context manager, from several threads.

    What Milvus does differently from NoteIndex' letter:
    - A request of at most `batch_rows` rows is stored whole or not at all; a longer upsert or delete is several
      requests, and one that fails between two has stored the first of them. All records are checked before.
    - scan() goes on in insertion order over what is stored while it runs: a record that is replaced or removed
      before the scan comes to it may be left out. It holds 8 bytes a record.
    - The insertion order is by the writing machines' clocks, to the microsecond.
    - An id may have 16,000 characters, a payload 4 MB, an attribute 4,095 texts; keyword search reads the first
      65,535 bytes of a record's words.
    - milvus-lite weighs words by what one of its segments, or the filter, leaves: scores of keyword search differ a
      little from those of the other back-ends.
    - milvus-lite keeps what it acknowledged when its process dies, but never asks the disk to, so a power cut may
      cost the last writes. A server keeps it as its message log is set up to.
    """

    def __init__(self, opened: Opened) -> None:
        """For create(), open() and stage()."""
        self._opened = opened
        self._connection, self._versions, self._description, self._staged = opened
        # The alias, so that readers follow a swap at once; a staged version by its own name.
        name = opened.versions.name
        self._collection = name if opened.staged is None else opened.versions.collection(opened.staged)

    @classmethod
    def create(
        cls,
        uri: str | Path,
        name: str,
        dim: int,
        fingerprint: str = "",
        meta: Mapping[str, JSON] | None = None,
        schema: IndexSchema | None = None,
        config: MilvusConfig | None = None,
        access: MilvusAccess | None = None,
    ) -> Self:
        """Make an empty index `name` at `uri`: http(s)://host:port of a server, or a path ending in `.db`.

        Raises IndexExists, BackendUnavailable, IndexLocked (milvus-lite), MissingCapability for a partition key
        that the server cannot keep, and NoteIndexError for a dim, name, meta or config that cannot be.
        With text fields in the schema, keyword search is set up where the server has BM25.
        """
        return cls(
            created(
                str(uri),
                name,
                dim,
                fingerprint,
                meta or {},
                schema or IndexSchema(),
                config or MilvusConfig(),
                access or MilvusAccess(),
            )
        )

    @classmethod
    def open(
        cls,
        uri: str | Path,
        name: str,
        fingerprint: str | None = None,
        config: MilvusConfig | None = None,
        access: MilvusAccess | None = None,
    ) -> Self:
        """Open the index `name` at `uri`; of `config` only what concerns requests is used.

        Raises IndexNotFound, BackendUnavailable, IndexLocked (milvus-lite), UnsupportedFormat, and
        FingerprintMismatch where `fingerprint` is given and is not the index's.
        """
        return cls(opened(str(uri), name, fingerprint, config or MilvusConfig(), access or MilvusAccess()))

    @property
    def dim(self) -> int:
        """The length of every vector."""
        return self._description.dim

    @property
    def fingerprint(self) -> str:
        """The encoder this index was built with."""
        return self._description.fingerprint

    @property
    def meta(self) -> dict[str, JSON]:
        """What was given at creation; a fresh copy."""
        return deepcopy(self._description.meta)

    @property
    def schema(self) -> IndexSchema:
        """What may be filtered by and what keyword search reads."""
        return self._description.schema

    @property
    def capabilities(self) -> Capabilities:
        """As of opening: keyword search where the server has BM25; exhaustive with FLAT; shared on a server."""
        server = not self._connection.is_lite
        exact = self._description.config.index_type == "FLAT"
        return Capabilities(lexical=self._description.lexical, exact=exact, durable=server, shared=server)

    def upsert(self, records: Iterable[Record]) -> None:
        """See NoteIndex.upsert, and above for what is atomic."""
        self._connection.check_open()
        made = entities(checked_rows(records, self.dim, self.schema), self._description)
        with self._connection.writing:
            place(made, _clock.take(len(made)))
            for batch in requests(made, self._description.config.batch_rows):
                self._connection.call(
                    partial(_upsert, self._collection, batch, self._connection.timeout), "store records"
                )

    def delete(self, ids: Iterable[str]) -> int:
        """See NoteIndex.delete, and above for what is atomic."""
        self._connection.check_open()
        with self._connection.writing:
            stored = iter([row[ID] for row in by_ids(self._connection, self._collection, distinct_ids(ids), [ID])])
            removed = 0
            while batch := list(islice(stored, _IDS_A_DELETE)):
                self._connection.call(
                    partial(_delete, self._collection, batch, self._connection.timeout), "remove records"
                )
                removed += len(batch)
            return removed

    def search(self, vectors: Vectors, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.search. Exact in score, order and ties over what Milvus finds: with FLAT, over everything."""
        self._connection.check_open()
        queries = checked_queries(vectors, self.dim, k)
        return nearest(self._connection, self._collection, self._description, queries, k, self._expression(where))

    def keyword(self, text: str, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.keyword; the words are cut as for the other back-ends, counted and weighed by Milvus."""
        self._connection.check_open()
        if k < 1:
            raise InvalidQuery(f"k is {k}, expected at least 1. Ask for one neighbour or more.")
        wanted = self._expression(where)
        if not self._description.lexical:
            reason = (
                f"Milvus {self._connection.version} has no BM25 function. Build the index on milvus-lite, on a "
                "server from 2.5 on, or with another back-end."
                if self.schema.text
                else "its schema has no text fields. Name them when the index is created."
            )
            raise MissingCapability(f"{self._versions.name}: no keyword search: {reason}")
        words = written_words([text])
        if not words:
            return Neighbours([[]], [np.empty(0, dtype=np.float32)])
        return by_words(self._connection, self._collection, words, k, wanted)

    def get(self, ids: Iterable[str], with_vectors: bool = True) -> list[Record | None]:
        """See NoteIndex.get."""
        self._connection.check_open()
        asked = list(ids)
        found = by_ids(self._connection, self._collection, asked, record_fields(with_vectors))
        stored = {each.id: each for each in (record(row, with_vectors) for row in found)}
        return [stored.get(name) for name in asked]

    def scan(self, batch_size: int = 1024, with_vectors: bool = True, where: Filter | None = None) -> Iterator[Record]:
        """See NoteIndex.scan, and above for writes meanwhile."""
        self._connection.check_open()
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}, expected at least 1.")
        return scan(self._connection, self._collection, self._expression(where), batch_size, with_vectors)

    def count(self, where: Filter | None = None) -> int:
        """See NoteIndex.count."""
        self._connection.check_open()
        return count(self._connection, self._collection, self._expression(where))

    def snapshot(self, on_progress: Progress | None = None) -> None:
        """Have Milvus seal what was written, and wait until its index is built."""
        self._connection.check_open()
        settle(self._connection, self._real_collection())
        if on_progress:  # Milvus does not tell how far it is
            on_progress(self.count())

    def compact(self, on_progress: Progress | None = None) -> None:
        """snapshot(), and have a server merge its segments; milvus-lite does that by itself."""
        self._connection.check_open()
        merge(self._connection, self._real_collection())
        if on_progress:
            on_progress(self.count())

    def versions(self) -> list[Version]:
        """Every version of this index, ascending."""
        return self._versions.listed(self._description.config)

    def stage(self, config: MilvusConfig | None = None) -> MilvusIndex:
        """A new, empty version, as an index of its own: write to it, then publish() it. Close it as well.

        Encoder, meta and schema are this index's; `config` may be another one.
        """
        self._connection.check_open()
        return MilvusIndex(staged(self._opened, config or self._description.config))

    def publish(self, rows: int | None = None) -> None:
        """Give readers this staged version, in one atomic step, once it is found good.

        It must hold `rows` records where that is given, and a sample of them must find themselves.
        Raises InvalidVersion, and then readers keep what they have.
        """
        self._connection.check_open()
        if self._staged is None:
            raise InvalidVersion(
                f"{self._versions.name}: this index is published already. stage() makes a new version."
            )
        self.snapshot()
        stored = self.count()
        if rows is not None and stored != rows:
            raise InvalidVersion(
                f"{self._collection}: it holds {stored:,} records, expected {rows:,}. Write the others."
            )
        sample = list(islice(self.scan(_SAMPLE), _SAMPLE))
        if sample:
            found = self.search(np.stack([each.vector for each in sample]), 1)
            check_found(self._collection, sample, found.scores)
        self._versions.point(self._staged)

    def rollback(self) -> Version:
        """Give readers the version before the published one; returns it. Raises InvalidVersion where there is none."""
        published = self._versions.published()
        before = [number for number in self._versions.numbers() if number < published]
        if not before:
            raise InvalidVersion(f"{self._versions.name}: there is no version before {published}.")
        self._versions.point(before[-1])
        return next(version for version in self.versions() if version.number == before[-1])

    def drop_version(self, number: int) -> None:
        """Remove a version that is not published. Raises InvalidVersion."""
        self._versions.drop(number)

    def info(self) -> dict[str, JSON]:
        """See NoteIndex.info; without anything secret."""
        self._connection.check_open()
        return about(self._connection, self._versions, self._collection, self._description, self.capabilities)

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MilvusIndex({self._connection.uri!r}, {self._collection!r})"

    def _expression(self, where: Filter | None) -> str:
        return "" if where is None else expression(bind(where, self.schema), self.schema)

    def _real_collection(self) -> str:
        """The collection itself: not every request takes an alias."""
        return self._versions.collection(self._staged or self._versions.published())


def _upsert(collection: str, rows: list[Entity], timeout: float, client: MilvusClient) -> None:
    client.upsert(collection, rows, timeout=timeout)


def _delete(collection: str, ids: list[str], timeout: float, client: MilvusClient) -> None:
    client.delete(collection, filter=any_of(ID, ids), timeout=timeout)
