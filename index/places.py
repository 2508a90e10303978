"""Where an index stands: a folder whose index.json names the back-end, and for Milvus also where its data is.

The folder is a handle that every command takes alike. Of Milvus it holds the address and the name, never the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from index.base import JSON, NoteIndex
from index.dense.config import FaissConfig
from index.errors import CorruptIndex, IndexExists, IndexNotFound, IndexReadOnly, NoteIndexError, UnsupportedFormat
from index.folder import WriterLock
from index.manifest import Pointer, read_pointer, write_pointer
from index.schema import IndexSchema

if TYPE_CHECKING:
    from index.milvus import MilvusAccess, MilvusConfig, MilvusIndex

_LITE = "milvus.db"
_ALIAS = "alias"
"""Stands where a folder of versions would be named: Milvus keeps its own."""


@dataclass(frozen=True, slots=True)
class MilvusPlace:
    """An index in Milvus. uri: http(s)://host:port, or empty for a milvus-lite file inside the folder."""

    uri: str = ""
    name: str = "notes"
    config: MilvusConfig | None = None


def create_index(
    path: str | Path,
    *,
    dim: int,
    fingerprint: str,
    meta: Mapping[str, JSON] | None = None,
    schema: IndexSchema = IndexSchema(),
    config: FaissConfig = FaissConfig(),
    milvus: MilvusPlace | None = None,
    access: MilvusAccess | None = None,
) -> NoteIndex:
    """Make an empty index at `path` and open it: in the folder itself, or with `milvus` there.

    Raises IndexExists, IndexLocked, IndexReadOnly, BackendUnavailable, MissingCapability, NoteIndexError.
    """
    if milvus is None:
        from index.faiss_index import FaissIndex

        return FaissIndex.create(path, dim=dim, fingerprint=fingerprint, meta=meta, schema=schema, config=config)
    root = Path(path)
    _claim(root)
    opened = _milvus().create(
        _uri(root, milvus.uri), milvus.name, dim, fingerprint, meta, schema, milvus.config, access
    )
    _keep(root, milvus, access)
    return opened


def connect(path: str | Path, milvus: MilvusPlace, access: MilvusAccess | None = None) -> NoteIndex:
    """Make the folder for an index that stands in Milvus already, and open it.

    Raises IndexNotFound, IndexExists, IndexLocked, IndexReadOnly, BackendUnavailable.
    """
    root = Path(path)
    _claim(root)
    opened = _milvus().open(_uri(root, milvus.uri), milvus.name, None, milvus.config, access)
    _keep(root, milvus, access)
    return opened


def open_index(path: str | Path, *, fingerprint: str | None = None, access: MilvusAccess | None = None) -> NoteIndex:
    """Open the index at `path` with the back-end that made it.

    fingerprint: refused where it is not the one the index was built with. access: how a Milvus server lets us in.
    Raises IndexNotFound, FingerprintMismatch, UnsupportedFormat, CorruptIndex, BackendUnavailable.
    """
    root = Path(path)
    pointer = read_pointer(root)
    if pointer.backend == "faiss":
        from index.faiss_index import FaissIndex

        return FaissIndex.open(path, fingerprint=fingerprint)
    if pointer.backend == "milvus":
        return open_milvus(root, access, fingerprint)
    raise UnsupportedFormat(
        f"{path}: made by the back-end {pointer.backend!r}, this notelens knows faiss and milvus. Upgrade notelens."
    )


def open_milvus(root: Path, access: MilvusAccess | None = None, fingerprint: str | None = None) -> MilvusIndex:
    """Open the index in Milvus that the folder stands for. Raises as open_index()."""
    settings = read_pointer(root).settings
    uri, name, database = (settings.get(each, "") for each in ("uri", "name", "database"))
    if not (isinstance(uri, str) and isinstance(name, str) and isinstance(database, str)):
        raise CorruptIndex(f"{root}: index.json does not say where in Milvus it stands. Connect it again.")
    return _milvus().open(_uri(root, uri), name, fingerprint, None, _access(access, database))


def backend_of(path: str | Path) -> str:
    """The back-end of the index at `path`. Raises IndexNotFound, UnsupportedFormat, CorruptIndex."""
    return read_pointer(Path(path)).backend


def _claim(root: Path) -> None:
    """Make the folder if need be. Raises IndexExists, IndexReadOnly."""
    try:
        read_pointer(root)
    except IndexNotFound:
        pass
    else:
        raise IndexExists(f"{root} already holds an index. Open it, or remove the folder first.")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IndexReadOnly(f"{root} cannot be made: {error}. Choose a folder you may write.") from error
    foreign = [each.name for each in root.iterdir() if not each.name.startswith((_LITE, "writer.lock", "index.json."))]
    if foreign:
        raise IndexExists(f"{root} is no index and not empty: it holds {sorted(foreign)[:3]}. Choose another one.")


def _keep(root: Path, milvus: MilvusPlace, access: MilvusAccess | None) -> None:
    lock = WriterLock(root, 10.0)
    lock.acquire()
    try:
        settings: dict[str, JSON] = {
            "uri": milvus.uri,
            "name": milvus.name,
            "database": access.database if access else "",
        }
        write_pointer(root, Pointer("milvus", _ALIAS, (_ALIAS,), settings))
    finally:
        lock.release()


def _access(access: MilvusAccess | None, database: str) -> MilvusAccess:
    from index.milvus import MilvusAccess

    given = access or MilvusAccess()
    return given if given.database else replace(given, database=database)


def _uri(root: Path, uri: str) -> str:
    return uri or str(root / _LITE)


def _milvus() -> type[MilvusIndex]:
    try:
        import pymilvus  # noqa: F401 -- only to see whether the extra is installed
    except ImportError as error:
        raise NoteIndexError("Milvus needs the extra `milvus`: pip install 'notelens[milvus]'.") from error
    from index.milvus import MilvusIndex

    return MilvusIndex
