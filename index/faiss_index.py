"""The default back-end: FAISS over the SQLite store, caught up before every search.

Writes go to the store alone. Whoever searches first asks the store for its sequence number, and takes in what
came since; a write of this process and one of another are the same thing. So the vectors in memory may
lag, and a search never does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

import numpy as np

from index.base import JSON, Capabilities, Neighbours, Progress, Record, Vectors
from index.checks import checked_queries, checked_rows
from index.dense.config import FaissConfig
from index.dense.files import bases
from index.dense.table import DenseTable
from index.errors import (
    IndexClosed,
    IndexLocked,
    InvalidQuery,
    NoteIndexError,
)
from index.files import bytes_under
from index.filters.bind import bind
from index.filters.tree import Filter
from index.folder import DATABASE, WriterLock, config_of, create_folder, new_manifest
from index.lexical.words import words
from index.manifest import VERSION, check_fingerprint, read_manifest, read_pointer
from index.schema import IndexSchema
from index.store.store import Store
from index.words_table import WordsTable

log = logging.getLogger("notelens.index")


class FaissIndex:
    """A NoteIndex in a folder; see create() and open(). One process writes while any number read."""

    def __init__(self, root: Path, version: str, lock_timeout: float) -> None:
        self._root = root
        self._folder = root / version
        self._manifest = read_manifest(self._folder)
        self._config = config_of(self._folder, self._manifest)
        self._lock = RLock()  # around SQLite and FAISS
        self._write_lock = RLock()  # taken first, so that waiting for another process stops no reader here
        self._writer = WriterLock(root, lock_timeout)
        self._store: Store | None = self._new_store()
        self._words = WordsTable(self._folder, self._manifest.schema)
        self._dense = DenseTable(self._folder, self._manifest.index_id, self.dim, self._config)
        try:
            there = bases(self._folder)
            with self._reading() as store:
                self._dense.current(store)
            if not self._dense.has_base and bases(self._folder) != there:
                self._dense.close()  # a new base was put in place after the transaction began: see what it sees
                with self._reading() as store:
                    self._dense.current(store)
        except BaseException:
            self._store.close()
            raise

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        dim: int,
        fingerprint: str,
        meta: Mapping[str, JSON] | None = None,
        schema: IndexSchema = IndexSchema(),
        config: FaissConfig = FaissConfig(),
        lock_timeout: float = 10.0,
    ) -> Self:
        """Make an empty index at `path`, a folder that is empty or not there yet, and open it.

        `lock_timeout`: seconds to wait for another writer.
        Raises IndexExists, IndexLocked, IndexReadOnly; NoteIndexError for arguments that mean nothing.
        """
        create_folder(Path(path), new_manifest(dim, fingerprint, meta, schema, config), lock_timeout)
        return cls.open(path, lock_timeout=lock_timeout)

    @classmethod
    def open(
        cls, path: str | Path, *, fingerprint: str | None = None, version: str | None = None, lock_timeout: float = 10.0
    ) -> Self:
        """Open the index at `path`, in the version that is served or the one named.

        The derived files are mapped and caught up, or left aside where they cannot be used.
        Raises IndexNotFound, FingerprintMismatch, UnsupportedFormat, CorruptIndex, IndexReadOnly.
        """
        root = Path(path)
        opened = cls(root, version or read_pointer(root).current, lock_timeout)
        try:
            check_fingerprint(root, opened.fingerprint, fingerprint)
        except BaseException:
            opened.close()
            raise
        return opened

    @property
    def dim(self) -> int:
        """The length of every vector."""
        return self._manifest.dim

    @property
    def fingerprint(self) -> str:
        """The encoder this index was built with."""
        return self._manifest.fingerprint

    @property
    def meta(self) -> dict[str, JSON]:
        """What was given at creation; a fresh copy."""
        meta: dict[str, JSON] = json.loads(json.dumps(self._manifest.meta))
        return meta

    @property
    def schema(self) -> IndexSchema:
        """What may be filtered by and what keyword search reads."""
        return self._manifest.schema

    @property
    def config(self) -> FaissConfig:
        """How vectors are held and searched."""
        return self._config

    @property
    def version(self) -> str:
        """The version this object has open."""
        return self._folder.name

    @property
    def capabilities(self) -> Capabilities:
        """Exact while every row is scored."""
        with self._reading() as store:
            exact = self._dense.is_exact(store)
        return Capabilities(lexical=bool(self.schema.text), exact=exact, durable=True, shared=True)

    def hold(self) -> None:
        """Take the right to write now and keep it until close(). Raises IndexLocked, IndexReadOnly."""
        with self._writing():
            pass

    def upsert(self, records: Iterable[Record]) -> None:
        """See NoteIndex.upsert. Raises also IndexLocked, IndexReadOnly, OutOfSpace."""
        rows = checked_rows(records, self.dim, self.schema)
        with self._writing(), self._lock:
            self._opened().upsert(rows)

    def delete(self, ids: Iterable[str]) -> int:
        """See NoteIndex.delete. Raises also IndexLocked, IndexReadOnly, OutOfSpace."""
        with self._writing(), self._lock:
            return self._opened().delete(ids)

    def search(self, vectors: Vectors, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.search."""
        queries = checked_queries(vectors, self.dim, k)
        bound = self._bound(where)
        with self._lock:
            store = self._opened()
            if live := self._dense.at(store.sequence()):
                return live.search(store, queries, k, bound)
            with store.reading():
                return self._dense.current(store).search(store, queries, k, bound)

    def keyword(self, text: str, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.keyword. Raises also IndexReadOnly, where the words could not be brought up to date."""
        if k < 1:
            raise InvalidQuery(f"k is {k}, expected at least 1. Ask for one neighbour or more.")
        bound = self._bound(where)
        self._words.check()
        self._opened()
        if not words(text):
            return Neighbours([[]], [np.empty(0, dtype=np.float32)])
        while True:
            with self._reading() as store:
                if self._words.catch_up(store):
                    allowed = None if bound is None else self._dense.current(store).keys_allowed(store, bound)
                    return self._words.search(store, text, k, allowed)
            # Another process took in a write that came after this transaction began: look again from a later one.

    def get(self, ids: Iterable[str], with_vectors: bool = True) -> list[Record | None]:
        """See NoteIndex.get."""
        with self._reading() as store:
            return store.get(ids, with_vectors)

    def scan(self, batch_size: int = 1024, with_vectors: bool = True, where: Filter | None = None) -> Iterator[Record]:
        """See NoteIndex.scan. The database's log cannot shrink while a scan is under way."""
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}, expected at least 1.")
        return self._opened().scan(batch_size, with_vectors, self._bound(where))

    def sample(self, size: int) -> list[Record]:
        """About so many records, spread evenly over the insertion order."""
        with self._reading() as store:
            return store.sample(size)

    def count(self, where: Filter | None = None) -> int:
        """See NoteIndex.count."""
        bound = self._bound(where)
        with self._reading() as store:
            return store.count(bound)

    def snapshot(self, on_progress: Progress | None = None) -> None:
        """Build a new base if so much was written since the last that searching or opening would suffer.

        Raises IndexLocked, IndexReadOnly, OutOfSpace: the derived files are the writer's to make.
        """
        with self._writing():
            with self._reading() as store:
                due = self._dense.is_due(store)
            if due:
                self._rebuild(on_progress)
            self._compact_words()

    def compact(self, on_progress: Progress | None = None) -> None:
        """Build a new base of all records, while others search the old one, and forget what was removed.

        on_progress is told how many more rows were taken in.
        Raises IndexLocked, IndexReadOnly, OutOfSpace; the old base then stands.
        """
        with self._writing():
            self._rebuild(on_progress)
            self._compact_words()

    def info(self) -> dict[str, JSON]:
        """See NoteIndex.info; `removed` and `written` count rows since the base was built."""
        with self._reading() as store:
            return {
                "type": "faiss",
                "path": str(self._root),
                "version": self.version,
                "rows": store.count(),
                "dim": self.dim,
                **self._dense.info(store),
                "bytes_on_disk": bytes_under(self._folder),
                "fingerprint": self.fingerprint,
                "index_id": self._manifest.index_id,
                "created_at": self._manifest.created_at,
                "notelens_version": self._manifest.notelens_version,
            }

    def close(self) -> None:
        """Build a new base if this object wrote and one is due, then let go of everything."""
        with self._write_lock, self._lock:
            if self._store is None:
                return
            try:
                if self._writer.held:
                    self.snapshot()
            except (OSError, RuntimeError, NoteIndexError) as error:  # a full disk, say: the records are safe
                log.warning("%s: no new base was built: %s", self._folder, error)
            finally:
                self._words.close()
                self._store.close()
                self._store = None
                self._dense.close()
                self._writer.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bound(self, where: Filter | None) -> Filter | None:
        return None if where is None else bind(where, self.schema)

    def _new_store(self) -> Store:
        return Store(self._folder / DATABASE, self.dim, self.schema)

    def _opened(self) -> Store:
        if self._store is None:
            raise IndexClosed(f"{self._root}: this index was closed. Open it again.")
        return self._store

    @contextmanager
    def _reading(self) -> Iterator[Store]:
        with self._lock:
            store = self._opened()
            with store.reading():
                yield store

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The right to write, for this thread of this process."""
        with self._write_lock:
            self._opened()
            if not self._writer.held:
                self._writer.acquire()
                self._refuse_replaced()
            yield

    def _refuse_replaced(self) -> None:
        """Another version may have been put in service since this one was opened; a write here would be lost."""
        pointer = read_pointer(self._root)
        replaced = self.version in pointer.published and self.version != pointer.current
        if replaced or not (self._folder / VERSION).exists():  # or it was removed since
            self._writer.release()
            raise IndexLocked(
                f"{self._root}: version {pointer.current} is served now, this is {self.version}. Open the index again."
            )

    def _compact_words(self) -> None:
        if self.schema.text:
            with self._reading() as store:
                self._words.compact(store)

    def _rebuild(self, on_progress: Progress | None) -> None:
        """Build a base from the database over a connection of its own, then put it in the place of the old one."""
        own = self._new_store()
        try:
            with own.reading():
                base, seq = self._dense.build(own, on_progress), own.sequence()
        finally:
            own.close()
        with self._lock:
            store = self._opened()
            store.prune(seq)
            with store.reading():
                self._dense.adopt(base, store)
