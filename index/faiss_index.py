"""The default back-end: FAISS in memory over the SQLite store, caught up before every search.

Writes go to the store alone. Whoever searches first asks the store, within one read transaction, for
the sequence number, and adds and removes what came since; a write of this process and one of another
are the same thing. So the vectors in memory may lag, and a search never does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Literal, Self, get_args

import numpy as np

from index.base import JSON, Capabilities, Neighbours, Record, Vectors
from index.checks import checked_queries, checked_rows, is_storable, json_text
from index.errors import CorruptIndex, IndexClosed, InvalidQuery, NoteIndexError, UnsupportedFormat
from index.files import bytes_under
from index.filters import Filter
from index.folder import DATABASE, WriterLock, create_folder
from index.live_table import LiveTable
from index.manifest import Manifest, check_fingerprint, read_manifest
from index.nearest import Scored, nearest, score_all
from index.ranking import ranked
from index.store import Store
from index.vectors import FaissConfig

log = logging.getLogger("notelens.index")
KindChoice = Literal["auto", "flat", "hnsw"]


class FaissIndex:
    """A NoteIndex in a folder; see create() and open(). One process writes while any number read."""

    def __init__(self, folder: Path, manifest: Manifest, lock_timeout: float) -> None:
        self._folder = folder
        self._manifest = manifest
        self._lock = RLock()  # around SQLite and FAISS
        self._write_lock = RLock()  # taken first, so that waiting for another process stops no reader here
        self._writer = WriterLock(folder, lock_timeout)
        self._store: Store | None = Store(folder / DATABASE, manifest.dim)
        self._live = LiveTable(folder, manifest, _config_of(folder, manifest))
        try:
            with self._reading() as store:
                self._live.current(store)
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
        kind: KindChoice = "auto",
        config: FaissConfig | None = None,
        lock_timeout: float = 10.0,
    ) -> Self:
        """Make an empty index at `path`, a folder that is empty or not there yet, and open it.

        `lock_timeout`: seconds to wait for another writer.
        Raises IndexExists, IndexLocked, IndexReadOnly; NoteIndexError for arguments that mean nothing.
        """
        text = json_text(dict(meta or {}))
        if dim < 1 or kind not in get_args(KindChoice) or not is_storable(fingerprint) or text is None:
            raise NoteIndexError(
                f"got dim {dim!r}, kind {kind!r}, fingerprint {fingerprint!r}, meta {meta!r}; expected "
                f"dim ≥ 1, kind one of {get_args(KindChoice)}, fingerprint Unicode text, meta JSON. "
                "Mend the arguments."
            )
        settings = asdict(config or FaissConfig())
        create_folder(Path(path), Manifest(dim, fingerprint, kind, json.loads(text), settings), lock_timeout)
        return cls.open(path, lock_timeout=lock_timeout)

    @classmethod
    def open(cls, path: str | Path, *, fingerprint: str | None = None, lock_timeout: float = 10.0) -> Self:
        """Open the index at `path`: load its snapshot and catch up, or build from the database.

        Raises IndexNotFound, FingerprintMismatch, UnsupportedFormat, CorruptIndex, IndexReadOnly.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        check_fingerprint(folder, manifest, fingerprint)
        return cls(folder, manifest, lock_timeout)

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
    def capabilities(self) -> Capabilities:
        """Exact while the vectors are in a flat index."""
        with self._reading() as store:
            exact = self._live.current(store).kind == "flat"
        return Capabilities(filters=True, exact=exact, durable=True, shared=True)

    def upsert(self, records: Iterable[Record]) -> None:
        """See NoteIndex.upsert. Raises also IndexLocked, IndexReadOnly."""
        rows = checked_rows(records, self.dim)
        with self._writing() as store:
            store.upsert(rows)

    def delete(self, ids: Iterable[str]) -> int:
        """See NoteIndex.delete. Raises also IndexLocked, IndexReadOnly."""
        with self._writing() as store:
            return store.delete(ids)

    def search(self, vectors: Vectors, k: int, where: Filter | None = None) -> Neighbours:
        """See NoteIndex.search. With `where`, every matching vector is scored."""
        queries = checked_queries(vectors, self.dim, k)
        with self._reading() as store:
            table = self._live.current(store)
            if where is None:
                found = nearest(table, queries, k)
            else:
                keys = [key for key, text in store.payloads() if where.matches(json.loads(text))]
                found = score_all(table, queries, k, np.array(keys, dtype=np.int64))
            best = [_named(store, scored, k) for scored in found]
        return Neighbours([ids for ids, _ in best], [scores for _, scores in best])

    def get(self, ids: Iterable[str], with_vectors: bool = True) -> list[Record | None]:
        """See NoteIndex.get."""
        with self._reading() as store:
            return store.get(ids, with_vectors)

    def scan(self, batch_size: int = 1024, with_vectors: bool = True) -> Iterator[Record]:
        """See NoteIndex.scan. The database's log cannot shrink while a scan is under way."""
        if batch_size < 1:
            raise InvalidQuery(f"batch_size is {batch_size}, expected at least 1.")
        return self._opened().scan(batch_size, with_vectors)

    def count(self) -> int:
        """See NoteIndex.count."""
        with self._reading() as store:
            return store.count()

    def snapshot(self) -> None:
        """Write the FAISS file now, in the kind the rows call for and without too many removed rows.

        Raises IndexLocked, IndexReadOnly: a snapshot is the writer's to make.
        """
        with self._writing() as store, store.reading():
            self._live.write_snapshot(store)

    def info(self) -> dict[str, JSON]:
        """See NoteIndex.info; `removed` counts rows that an HNSW graph still carries."""
        with self._reading() as store:
            table = self._live.current(store)
            return {
                "type": "faiss",
                "path": str(self._folder),
                "rows": store.count(),
                "dim": self.dim,
                "kind_asked": self._manifest.faiss_type,
                "kind": table.kind,
                "removed": table.total - table.live,
                "seq": self._live.seq,
                "snapshot_seq": self._live.snapshot_seq,
                "bytes_on_disk": bytes_under(self._folder),
                "fingerprint": self.fingerprint,
                "index_id": self._manifest.index_id,
                "created_at": self._manifest.created_at,
                "notelens_version": self._manifest.notelens_version,
            }

    def close(self) -> None:
        """Write a snapshot if this object wrote and the last one is far behind, then let go of everything."""
        with self._write_lock, self._lock:
            if self._store is None:
                return
            try:
                if self._writer.held and self._live.is_snapshot_due(self._store):
                    self.snapshot()
            except (OSError, RuntimeError) as error:  # a full disk, say: the records themselves are safe
                log.warning("%s: no snapshot was written: %s", self._folder, error)
            finally:
                self._store.close()
                self._store = None
                self._writer.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> Store:
        if self._store is None:
            raise IndexClosed(f"{self._folder}: this index was closed. Open it again.")
        return self._store

    @contextmanager
    def _reading(self) -> Iterator[Store]:
        with self._lock:
            store = self._opened()
            with store.reading():
                yield store

    @contextmanager
    def _writing(self) -> Iterator[Store]:
        with self._write_lock:
            self._opened()
            self._writer.acquire()
            with self._lock:
                yield self._opened()


def _named(store: Store, scored: Scored, k: int) -> tuple[list[str], Vectors]:
    return ranked(store.ids_of(scored.keys), scored.scores, k)


def _config_of(folder: Path, manifest: Manifest) -> FaissConfig:
    if manifest.faiss_type not in get_args(KindChoice):
        raise UnsupportedFormat(f"{folder}: the kind {manifest.faiss_type!r} is unknown. Upgrade notelens.")
    settings: dict[str, Any] = manifest.config
    try:
        return FaissConfig(**settings)
    except TypeError as error:
        raise CorruptIndex(f"{folder}: settings not understood: {error}. Restore index.json.") from error
