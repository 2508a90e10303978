"""The index directory: what lies in it, who may create one where, and who may write.

index.json     which version is served         v1/version.json   what that version is
writer.lock    held by who writes              v1/notes.sqlite   the truth
rejected.jsonl of the last build               v1/base-…/        derived vectors; v1/lexical/ derived words
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from index.base import JSON
from index.checks import is_storable, json_text
from index.dense.config import FaissConfig
from index.errors import CorruptIndex, IndexExists, IndexLocked, IndexReadOnly, NoteIndexError
from index.manifest import NAME, VERSION, Manifest, Pointer, write_manifest, write_pointer
from index.schema import IndexSchema
from index.store.database import APPLICATION_ID, connect, create_database

DATABASE = "notes.sqlite"
LOCK = "writer.lock"
FIRST = "v1"
_LEFTOVERS = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")


class WriterLock:
    """The right to write, held by one index object at a time; it ends with the process, however that ends."""

    def __init__(self, folder: Path, timeout: float) -> None:
        self._folder = folder
        self._timeout = timeout
        self._lock = FileLock(folder / LOCK, thread_local=False)

    def acquire(self) -> None:
        """Take the lock unless held. Raises IndexLocked after the timeout, IndexReadOnly."""
        if self._lock.is_locked:
            return
        try:
            self._lock.acquire(timeout=self._timeout)
        except Timeout as error:
            raise IndexLocked(
                f"{self._folder}: another process is writing; waited {self._timeout:g} s. "
                "Close it there, or write through that process."
            ) from error
        except OSError as error:
            raise IndexReadOnly(f"{self._folder} may not be written: {error}. Mend its rights.") from error

    @property
    def held(self) -> bool:
        """Whether this object may write now."""
        return self._lock.is_locked

    def release(self) -> None:
        """Let others write."""
        self._lock.release(force=True)


def new_manifest(
    dim: int, fingerprint: str, meta: Mapping[str, JSON] | None, schema: IndexSchema, config: FaissConfig
) -> Manifest:
    """What a new version is. Raises NoteIndexError for values that mean nothing."""
    text = json_text(dict(meta or {}))
    if dim < 1 or not is_storable(fingerprint) or text is None:
        raise NoteIndexError(
            f"got dim {dim!r}, fingerprint {fingerprint!r}, meta {meta!r}; expected dim ≥ 1, fingerprint Unicode "
            "text, meta JSON. Mend the arguments."
        )
    return Manifest(dim, fingerprint, schema, json.loads(text), asdict(config))


def config_of(folder: Path, manifest: Manifest) -> FaissConfig:
    """The settings a version was made with. Raises CorruptIndex."""
    settings: dict[str, Any] = manifest.config
    try:
        return FaissConfig(**settings)
    except (TypeError, NoteIndexError) as error:
        raise CorruptIndex(f"{folder}: settings not understood: {error}. Restore version.json.") from error


def create_folder(folder: Path, manifest: Manifest, timeout: float) -> None:
    """Make an empty index directory, over the leftovers of a creation that was killed half-way.

    Raises IndexExists, IndexLocked, IndexReadOnly, and CorruptIndex where records stand without a manifest.
    """
    _refuse_taken(folder)  # before the lock, so as to leave nothing in a folder that is not ours
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IndexReadOnly(f"{folder} cannot be made: {error}. Choose a folder you may write.") from error
    lock = WriterLock(folder, timeout)
    lock.acquire()
    try:
        _refuse_taken(folder)
        create_version(folder / FIRST, manifest)
        write_pointer(folder, Pointer("faiss", FIRST, (FIRST,)))
    finally:
        lock.release()


def create_version(version: Path, manifest: Manifest) -> None:
    """Make an empty version; version.json is written last and alone makes it one."""
    version.mkdir(exist_ok=True)
    for name in _LEFTOVERS:
        (version / name).unlink(missing_ok=True)
    create_database(version / DATABASE)
    write_manifest(version, manifest)


def _refuse_taken(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise IndexExists(f"{folder} is a file, expected a folder or nothing. Choose another path.")
    names = sorted(path.name for path in folder.iterdir())
    if NAME in names:
        raise IndexExists(f"{folder} already holds an index. Open it, or remove the folder first.")
    first = folder / FIRST
    if (first / DATABASE).exists() and _holds_something(first / DATABASE):
        raise CorruptIndex(
            f"{first / DATABASE} holds data but {NAME} is missing. Restore {NAME} from a copy; "
            "if the data is not wanted, remove the folder."
        )
    foreign = [name for name in names if not _is_ours(folder / name)]
    if foreign:
        raise IndexExists(f"{folder} is no index and not empty: it holds {foreign[:3]}. Choose another one.")


def _is_ours(path: Path) -> bool:
    """Whether it may be the leftover of a creation that was killed."""
    if path.name == FIRST and path.is_dir():
        temporary = f"{VERSION}."
        return all(each.name in (*_LEFTOVERS, VERSION) or each.name.startswith(temporary) for each in path.iterdir())
    return path.name == LOCK or (path.name.startswith(f"{NAME}.") and path.name.endswith(".tmp"))


def _holds_something(database: Path) -> bool:
    try:
        with closing(connect(database.absolute().as_uri() + "?mode=rw")) as connection:
            tables = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            if not tables:
                return False
            return bool(owner != APPLICATION_ID or connection.execute("SELECT seq FROM state").fetchone()[0])
    except sqlite3.DatabaseError:  # whatever it is, it is not a creation of ours cut short
        return True
