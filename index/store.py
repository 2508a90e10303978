"""The truth: ids, payloads and vectors in one SQLite file, each write numbered.

The sequence number counts inserts and deletions and never goes back. A record's key is the number of
its insert; a deletion leaves a tombstone under its own number. So whoever knows the sequence number it
has reached can ask for exactly what happened since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from index.base import Keys, Record, Vectors
from index.checks import Row, distinct_ids, is_storable
from index.database import connect, named_errors, open_database
from index.errors import CorruptIndex

_ROW = "SELECT id, payload, content_hash, vector FROM records WHERE id = ?"
_ROW_BARE = "SELECT id, payload, content_hash, x'' FROM records WHERE id = ?"
_ALL = "SELECT id, payload, content_hash, vector FROM records ORDER BY key"
_ALL_BARE = "SELECT id, payload, content_hash, x'' FROM records ORDER BY key"


class Store:
    """One connection to the database. Not locked: its owner lets one thread in at a time.

    Every method may raise what index/database.py's named_errors() names.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self._path = path
        self._dim = dim
        self._connection, self._uri = open_database(path)

    def close(self) -> None:
        """Close; the last connection of all processes folds the write-ahead log into the file."""
        self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent view for everything read inside, whatever others write meanwhile. May nest."""
        if self._connection.in_transaction:
            yield
            return
        with named_errors(self._path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def upsert(self, rows: Sequence[Row]) -> None:
        """Store the rows in one durable transaction, those they replace leaving tombstones."""
        with self._writing():
            seq = self.sequence()
            for row in rows:
                seq = self._remove(row.id, seq) + 1
                self._connection.execute(
                    "INSERT INTO records (key, id, payload, content_hash, vector) VALUES (?, ?, ?, ?, ?)",
                    (seq, row.id, row.payload, row.content_hash, row.vector.astype("<f4").tobytes()),
                )
            self._connection.execute("UPDATE state SET seq = ?", (seq,))

    def delete(self, ids: Iterable[str]) -> int:
        """Remove these ids in one durable transaction; returns how many existed."""
        with self._writing():
            before = seq = self.sequence()
            for name in filter(is_storable, distinct_ids(ids)):
                seq = self._remove(name, seq)
            self._connection.execute("UPDATE state SET seq = ?", (seq,))
        return seq - before

    def sequence(self) -> int:
        """The number of the last insert or deletion."""
        return int(self._connection.execute("SELECT seq FROM state").fetchone()[0])

    def count(self) -> int:
        """How many records there are."""
        return int(self._connection.execute("SELECT COUNT(*) FROM records").fetchone()[0])

    def get(self, ids: Iterable[str], with_vectors: bool) -> list[Record | None]:
        """The records of these ids, None for an unknown one."""
        found: list[Record | None] = []
        for name in ids:
            row = None
            if is_storable(name):
                row = self._connection.execute(_ROW if with_vectors else _ROW_BARE, (name,)).fetchone()
            found.append(None if row is None else self._record(row, with_vectors))
        return found

    def scan(self, batch_size: int, with_vectors: bool) -> Iterator[Record]:
        """Every record by key, over a connection of its own: nobody's writes disturb it, nor it them."""
        with named_errors(self._path), closing(connect(self._uri)) as connection:
            cursor = connection.execute(_ALL if with_vectors else _ALL_BARE)
            while rows := cursor.fetchmany(batch_size):
                for row in rows:
                    yield self._record(row, with_vectors)

    def keys(self) -> Keys:
        """The keys of all records, ascending."""
        keys = [key for (key,) in self._connection.execute("SELECT key FROM records")]
        return np.sort(np.array(keys, dtype=np.int64))

    def ids_of(self, keys: Keys) -> list[str]:
        """The ids of these keys, in order. Raises CorruptIndex where one is unknown."""
        ids: list[str] = []
        for key in keys.tolist():
            row = self._connection.execute("SELECT id FROM records WHERE key = ?", (key,)).fetchone()
            if row is None:
                raise CorruptIndex(f"{self._path}: no record has the key {key}. Rebuild the index.")
            ids.append(row[0])
        return ids

    def payloads(self) -> Iterator[tuple[int, str]]:
        """Key and payload text of every record, by key."""
        return iter(self._connection.execute("SELECT key, payload FROM records ORDER BY key"))

    def vectors_after(self, key: int, batch_size: int = 4096) -> Iterator[tuple[Keys, Vectors]]:
        """Keys (int64 [B]) and vectors (float32 [B, dim]) of the records with a greater key, in batches."""
        query = "SELECT key, vector FROM records WHERE key > ? ORDER BY key"
        cursor = self._connection.execute(query, (key,))
        while rows := cursor.fetchmany(batch_size):
            keys = np.array([key for key, _ in rows], dtype=np.int64)
            yield keys, np.stack([self._vector(blob) for _, blob in rows])

    def vectors_of(self, keys: Keys) -> Vectors:
        """The vectors (float32 [N, dim]) of these keys, all of them known and N ≥ 1."""
        query = "SELECT vector FROM records WHERE key = ?"
        found = [self._connection.execute(query, (key,)).fetchone() for key in keys.tolist()]
        return np.stack([self._vector(blob) for (blob,) in found])

    def removed_after(self, seq: int) -> Keys:
        """The keys (int64), not above seq, of the records removed after seq."""
        found = self._connection.execute("SELECT key FROM tombstones WHERE seq > ? AND key <= ?", (seq, seq))
        return np.array([key for (key,) in found], dtype=np.int64)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with named_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _remove(self, name: str, seq: int) -> int:
        found = self._connection.execute("DELETE FROM records WHERE id = ? RETURNING key", (name,)).fetchall()
        for (key,) in found:
            seq += 1
            self._connection.execute("INSERT INTO tombstones (seq, key) VALUES (?, ?)", (seq, key))
        return seq

    def _record(self, row: tuple[str, str, str, bytes], with_vector: bool) -> Record:
        name, payload, content_hash, blob = row
        vector = self._vector(blob) if with_vector else np.empty(0, dtype=np.float32)
        return Record(name, vector, json.loads(payload), content_hash)

    def _vector(self, blob: bytes) -> Vectors:
        if len(blob) != 4 * self._dim:
            raise CorruptIndex(
                f"{self._path}: a vector of {len(blob)} bytes, expected {4 * self._dim}. "
                "The database belongs to another manifest: restore that, or rebuild the index."
            )
        return np.frombuffer(blob, dtype="<f4").astype(np.float32)
