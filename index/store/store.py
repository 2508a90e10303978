"""The truth: ids, payloads, attributes and vectors in one SQLite file, each write numbered.

The sequence number counts inserts and deletions and never goes back. A record's key is the number of
its insert; a deletion leaves a tombstone under its own number. So whoever knows the sequence number it
has reached can ask for exactly what happened since, as long as that is not below `pruned`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.base import Keys, Record, Vectors
from index.checks import Row, distinct_ids, is_storable
from index.errors import CorruptIndex
from index.filters.sql import Sql, condition, leaf_keys
from index.filters.tree import Filter, Leaf
from index.schema import IndexSchema, Value
from index.store.database import connect, named_errors, open_database

_ROW = "SELECT id, payload, content_hash, vector FROM records WHERE id = ?"
_ROW_BARE = "SELECT id, payload, content_hash, x'' FROM records WHERE id = ?"
_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """Records in key order: keys int64 [B], their ids, vectors float32 [B, dim]."""

    keys: Keys
    ids: list[str]
    vectors: Vectors


class Store:
    """One connection to the database. Not locked: its owner lets one thread in at a time.

    Every method may raise what index/store/database.py's named_errors() names.
    """

    def __init__(self, path: Path, dim: int, schema: IndexSchema) -> None:
        self._path = path
        self._dim = dim
        self._schema = schema
        self._connection, self._uri = open_database(path)
        self._has_written = False

    @property
    def dim(self) -> int:
        """The length of every vector."""
        return self._dim

    @property
    def schema(self) -> IndexSchema:
        """What the records' attributes are."""
        return self._schema

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
        """Store the rows (each id once) in one durable transaction, those they replace leaving tombstones."""
        with self._writing():
            seq = self._remove([row.id for row in rows], self.sequence())
            keys = range(seq + 1, seq + len(rows) + 1)
            self._connection.executemany(
                "INSERT INTO records (key, id, payload, content_hash, vector) VALUES (?, ?, ?, ?, ?)",
                (
                    (key, row.id, row.payload, row.content_hash, row.vector.astype("<f4", copy=False).tobytes())
                    for key, row in zip(keys, rows, strict=True)
                ),
            )
            self._connection.executemany("INSERT INTO attributes VALUES (?, ?, ?)", self._attributes(keys, rows))
            self._connection.execute("UPDATE state SET seq = ?", (seq + len(rows),))

    def delete(self, ids: Iterable[str]) -> int:
        """Remove these ids in one durable transaction; returns how many existed."""
        names = [name for name in distinct_ids(ids) if is_storable(name)]
        with self._writing():
            before = self.sequence()
            seq = self._remove(names, before)
            self._connection.execute("UPDATE state SET seq = ?", (seq,))
        return seq - before

    def prune(self, up_to: int) -> None:
        """Forget the tombstones up to this sequence number, and the attribute rows of removed records."""
        with self._writing():
            self._connection.execute(
                "DELETE FROM attributes WHERE EXISTS (SELECT 1 FROM tombstones WHERE seq <= ?) "
                "AND key NOT IN (SELECT key FROM records)",
                (up_to,),
            )
            self._connection.execute("DELETE FROM tombstones WHERE seq <= ?", (up_to,))
            self._connection.execute("UPDATE state SET pruned = max(pruned, ?)", (up_to,))

    def sequence(self) -> int:
        """The number of the last insert or deletion."""
        return int(self._connection.execute("SELECT seq FROM state").fetchone()[0])

    def pruned(self) -> int:
        """The number up to which removals can no longer be asked for."""
        return int(self._connection.execute("SELECT pruned FROM state").fetchone()[0])

    def token(self, seq: int) -> str:
        """What tells the history up to this number from any other; empty before the first write."""
        query = "SELECT token FROM sessions WHERE seq <= ? ORDER BY seq DESC LIMIT 1"
        found = self._connection.execute(query, (seq,)).fetchone()
        return "" if found is None else str(found[0])

    def count(self, where: Filter | None = None) -> int:
        """How many records there are, or match the bound filter."""
        clause = self._clause(where)
        return int(
            self._connection.execute(f"SELECT COUNT(*) FROM records{clause.text}", clause.parameters).fetchone()[0]  # noqa: S608 -- the clause is compiled with parameters
        )

    def get(self, ids: Iterable[str], with_vectors: bool) -> list[Record | None]:
        """The records of these ids, None for an unknown one."""
        found: list[Record | None] = []
        for name in ids:
            row = None
            if is_storable(name):
                row = self._connection.execute(_ROW if with_vectors else _ROW_BARE, (name,)).fetchone()
            found.append(None if row is None else self._record(row, with_vectors))
        return found

    def scan(self, batch_size: int, with_vectors: bool, where: Filter | None = None) -> Iterator[Record]:
        """Every record (that matches) by key, over a connection of its own: nobody's writes disturb it, nor it them."""
        clause = self._clause(where)
        vector = "vector" if with_vectors else "x''"
        query = f"SELECT id, payload, content_hash, {vector} FROM records{clause.text} ORDER BY key"  # noqa: S608 -- as above
        with named_errors(self._path), closing(connect(self._uri)) as connection:
            cursor = connection.execute(query, clause.parameters)
            while rows := cursor.fetchmany(batch_size):
                for row in rows:
                    yield self._record(row, with_vectors)

    def sample(self, size: int) -> list[Record]:
        """At most so many records, the next one after each of as many evenly spaced keys."""
        query = "SELECT id, payload, content_hash, vector FROM records WHERE key >= ? ORDER BY key LIMIT 1"
        keys = np.unique(np.linspace(1, max(1, self.sequence()), size).astype(np.int64)).tolist()
        found = [self._connection.execute(query, (key,)).fetchone() for key in keys]
        return list({row[0]: self._record(row, True) for row in found if row is not None}.values())

    def ids_of(self, keys: Keys) -> list[str | None]:
        """The ids of these keys, in order; None for one that is not stored."""
        query = "SELECT id FROM records WHERE key = ?"
        found = [self._connection.execute(query, (key,)).fetchone() for key in keys.tolist()]
        return [None if row is None else row[0] for row in found]

    def added_after(self, key: int, batch_size: int = _BATCH) -> Iterator[Added]:
        """The records with a greater key, in batches."""
        cursor = self._connection.execute("SELECT key, id, vector FROM records WHERE key > ? ORDER BY key", (key,))
        while rows := cursor.fetchmany(batch_size):
            keys, ids, blobs = zip(*rows, strict=True)
            yield Added(np.array(keys, dtype=np.int64), list(ids), self._vectors(blobs))

    def payloads_after(self, key: int, batch_size: int = _BATCH) -> Iterator[list[tuple[int, str]]]:
        """Key and payload text of the records with a greater key, in batches by key."""
        cursor = self._connection.execute("SELECT key, payload FROM records WHERE key > ? ORDER BY key", (key,))
        while rows := cursor.fetchmany(batch_size):
            yield rows

    def count_up_to(self, key: int) -> int:
        """How many records have a key of at most this; quick where few have a greater one."""
        after = self._connection.execute("SELECT COUNT(*) FROM records WHERE key > ?", (key,)).fetchone()[0]
        return self.count() - int(after)

    def vectors_by_key(self, keys: Keys) -> Iterator[tuple[int, Vectors]]:
        """Key and vector (float32 [dim]) of those of these keys that are stored."""
        for key in keys.tolist():
            row = self._connection.execute("SELECT vector FROM records WHERE key = ?", (key,)).fetchone()
            if row is not None:
                yield key, self._vectors(row)[0]

    def removed_after(self, seq: int) -> Keys:
        """The keys (int64), not above seq, of the records removed after seq; seq must not be below pruned()."""
        found = self._connection.execute("SELECT key FROM tombstones WHERE seq > ? AND key <= ?", (seq, seq))
        return np.array([key for (key,) in found], dtype=np.int64)

    def attribute(self, number: int, batch_size: int = 65_536) -> Iterator[tuple[list[str | float | int], Keys]]:
        """The values of an attribute, by its place in the schema, ascending, each with its record's key (int64).

        Rows of removed records may be among them.
        """
        cursor = self._connection.execute("SELECT value, key FROM attributes WHERE field = ?", (number,))
        while rows := cursor.fetchmany(batch_size):
            values, keys = zip(*rows, strict=True)
            yield list(values), np.array(keys, dtype=np.int64)

    def all_removed_after(self, seq: int) -> list[int]:
        """The keys of all records removed after seq, those written after it too; seq must not be below pruned()."""
        return [key for (key,) in self._connection.execute("SELECT key FROM tombstones WHERE seq > ?", (seq,))]

    def keys_of(self, leaf: Leaf, after: int = 0) -> Keys:
        """The keys (int64) greater than `after` that satisfy a bound leaf; of removed records, too."""
        query = leaf_keys(leaf, self._schema)
        found = self._connection.execute(f"SELECT key FROM ({query.text}) WHERE key > ?", (*query.parameters, after))  # noqa: S608 -- as above
        return np.fromiter((key for (key,) in found), dtype=np.int64)

    def _clause(self, where: Filter | None) -> Sql:
        if where is None:
            return Sql("", ())
        compiled = condition(where, self._schema)
        return Sql(f" WHERE {compiled.text}", compiled.parameters)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with named_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                if not self._has_written:
                    self._connection.execute(
                        "INSERT OR REPLACE INTO sessions SELECT seq + 1, lower(hex(randomblob(8))) FROM state"
                    )
                yield
                self._connection.execute("COMMIT")
                self._has_written = True
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _remove(self, names: Sequence[str], seq: int) -> int:
        """Remove the records of these ids, each leaving a tombstone under the next number; returns the last one."""
        run = self._connection.execute
        run("CREATE TEMP TABLE IF NOT EXISTS wanted (id TEXT NOT NULL)")
        run("DELETE FROM wanted")
        self._connection.executemany("INSERT INTO wanted VALUES (?)", ((name,) for name in names))
        found = run("SELECT records.key FROM wanted CROSS JOIN records USING (id)").fetchall()
        self._connection.executemany("DELETE FROM records WHERE key = ?", found)
        self._connection.executemany(
            "INSERT INTO tombstones (seq, key) VALUES (?, ?)",
            ((number, key) for number, (key,) in enumerate(found, seq + 1)),
        )
        return seq + len(found)

    def _attributes(self, keys: range, rows: Sequence[Row]) -> Iterator[tuple[int, Value, int]]:
        for number, attribute in enumerate(self._schema.attributes):
            for key, row in zip(keys, rows, strict=True):
                value = row.values.get(attribute.name)
                if isinstance(value, tuple):
                    yield from ((number, part, key) for part in value)
                elif value is not None:
                    yield number, value, key

    def _record(self, row: tuple[str, str, str, bytes], with_vector: bool) -> Record:
        name, payload, content_hash, blob = row
        vector = self._vectors([blob])[0] if with_vector else np.empty(0, dtype=np.float32)
        return Record(name, vector, json.loads(payload), content_hash)

    def _vectors(self, blobs: Sequence[bytes]) -> Vectors:
        joined = b"".join(blobs)
        if len(joined) != 4 * self._dim * len(blobs):
            raise CorruptIndex(
                f"{self._path}: a vector is not of {4 * self._dim} bytes. "
                "The database belongs to another manifest: restore that, or rebuild the index."
            )
        return np.frombuffer(joined, dtype="<f4").astype(np.float32).reshape(len(blobs), self._dim)
