"""Opening the SQLite file: format, durability, read-only folders, and SQLite's errors by our names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from index.errors import CorruptIndex, IndexLocked, IndexReadOnly, OutOfSpace, UnsupportedFormat

APPLICATION_ID = 0x4E4C4E53  # "NLNS"
FORMAT = 2
BUSY_SECONDS = 10.0
_DAMAGED = (
    0,  # text that is not UTF-8: Python's own error, without a code
    sqlite3.SQLITE_ERROR,  # our tables and columns are not there, or the file's format is unknown
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
)

_SCHEMA = (
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    "BEGIN IMMEDIATE",
    # The vector stands last: a read of the payload alone then never touches the pages it spills to.
    """CREATE TABLE records (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payload TEXT NOT NULL,
        content_hash TEXT NOT NULL, vector BLOB NOT NULL)""",
    "CREATE TABLE tombstones (seq INTEGER PRIMARY KEY, key INTEGER NOT NULL)",
    # Attribute rows of removed records go when the tombstones do; until then whoever reads keys here also asks
    # which of them are alive.
    """CREATE TABLE attributes (
        field INTEGER NOT NULL, value NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (field, value, key)) WITHOUT ROWID""",
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, pruned INTEGER NOT NULL)",
    "INSERT INTO state VALUES (1, 0, 0)",
    # One row a writing session, from its first number on. A database that was restored from a copy and written to
    # again has other tokens at the same numbers, and so tells what is derived that its history is another.
    "CREATE TABLE sessions (seq INTEGER PRIMARY KEY, token TEXT NOT NULL)",
    # Constants, because PRAGMA takes no parameters: APPLICATION_ID and FORMAT.
    "PRAGMA application_id = 1313623635",
    "PRAGMA user_version = 2",
    "COMMIT",
)


def create_database(path: Path) -> None:
    """Make the tables; the file says what it is only once they all stand."""
    connection = connect(path.absolute().as_uri() + "?mode=rwc")
    try:
        for statement in _SCHEMA:
            connection.execute(statement)
    finally:
        connection.close()


def connect(uri: str) -> sqlite3.Connection:
    """A connection in autocommit, for any thread, that waits for other processes and syncs each commit."""
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -65536")  # KiB: the tree of ids of a million records stays in memory
    connection.execute("PRAGMA wal_autocheckpoint = 4096")  # pages: 32 MiB, so that a bulk load syncs less often
    return connection


def open_database(path: Path) -> tuple[sqlite3.Connection, str]:
    """The connection, and the address by which to open another one like it.

    In a folder that may not be written SQLite cannot keep its shared-memory file. Where the writer
    closed cleanly the database is whole without it and is read as immutable.
    Raises CorruptIndex, UnsupportedFormat, IndexReadOnly.
    """
    if not path.is_file():
        raise CorruptIndex(f"{path} is missing beside its manifest. Restore it, or rebuild the index.")
    uri = path.absolute().as_uri()
    wal = path.with_name(path.name + "-wal")
    with named_errors(path):
        try:
            return _probed(path, uri + "?mode=rw")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        if wal.exists() and wal.stat().st_size:
            raise IndexReadOnly(
                f"{path.parent} may not be written and its last writer is open or was killed. "
                "Open it once where it may be written, close it, and copy it again."
            )
        return _probed(path, uri + "?immutable=1")


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """SQLite's errors under the names of index/errors.py; the others pass as they are."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise IndexLocked(f"{path}: another program holds it: {error}. Try again later.") from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise IndexReadOnly(f"{path}: not for this process: {error}. Mend the rights.") from error
        if getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ):
            raise CorruptIndex(f"{path} cannot be read: {error}. Look after the disk, or restore the index.") from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise OutOfSpace(
                f"{path}: the disk did not take the write ({error}); nothing of it was stored, and what was stored "
                "before stands. Free some space and try again."
            ) from error
        if code in _DAMAGED and not isinstance(error, sqlite3.ProgrammingError):
            raise CorruptIndex(f"{path} is damaged: {error}. Restore or rebuild the index.") from error
        raise
    except JSONDecodeError as error:  # nothing else is decoded in here than payloads
        raise CorruptIndex(
            f"{path} is damaged: a payload is no JSON: {error}. Restore or rebuild the index."
        ) from error


def _probed(path: Path, uri: str) -> tuple[sqlite3.Connection, str]:
    connection = connect(uri)
    try:
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if found != APPLICATION_ID:
            raise UnsupportedFormat(
                f"{path}: application id {found:#x}, expected {APPLICATION_ID:#x}: it belongs to another "
                "program. Give the folder of a notelens index."
            )
        if version != FORMAT:
            raise UnsupportedFormat(
                f"{path}: database format {version}, this notelens reads {FORMAT}. "
                "Upgrade notelens, or rebuild the index."
            )
        connection.execute("SELECT seq FROM state").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection, uri
