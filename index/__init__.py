"""Ids, unit vectors and attributes in; the nearest neighbours of a vector out.

The room knows nothing of notes or of what made the vectors. `NoteIndex` (index/base.py) is the seam,
`ExactIndex` its plain in-memory oracle, `FaissIndex` the durable default: SQLite is the truth, the FAISS
file a snapshot that can always be built again. `open_index` opens whichever back-end made a folder.
The names load on first use, so `import index` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.base import JSON, Capabilities, Neighbours, NoteIndex, Record
    from index.errors import (
        CorruptIndex,
        FingerprintMismatch,
        IndexClosed,
        IndexExists,
        IndexLocked,
        IndexNotFound,
        IndexReadOnly,
        InvalidQuery,
        InvalidRecord,
        NoteIndexError,
        UnsupportedFormat,
    )
    from index.exact import ExactIndex
    from index.faiss_index import FaissIndex
    from index.filters import Filter
    from index.vectors import FaissConfig

__all__ = [
    "JSON",
    "Capabilities",
    "CorruptIndex",
    "ExactIndex",
    "FaissConfig",
    "FaissIndex",
    "Filter",
    "FingerprintMismatch",
    "IndexClosed",
    "IndexExists",
    "IndexLocked",
    "IndexNotFound",
    "IndexReadOnly",
    "InvalidQuery",
    "InvalidRecord",
    "Neighbours",
    "NoteIndex",
    "NoteIndexError",
    "Record",
    "UnsupportedFormat",
    "open_index",
]

_HOMES = {
    "JSON": "index.base",
    "Capabilities": "index.base",
    "ExactIndex": "index.exact",
    "FaissConfig": "index.vectors",
    "FaissIndex": "index.faiss_index",
    "Filter": "index.filters",
    "Neighbours": "index.base",
    "NoteIndex": "index.base",
    "Record": "index.base",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'index' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "index.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def open_index(path: str | Path, *, fingerprint: str | None = None) -> NoteIndex:
    """Open the index directory at `path` with the back-end its manifest names.

    A `fingerprint` that is not the one the index was built with is refused.
    Raises IndexNotFound, FingerprintMismatch, UnsupportedFormat, CorruptIndex.
    """
    from index.errors import UnsupportedFormat
    from index.manifest import read_manifest

    backend = read_manifest(Path(path)).backend
    if backend == "faiss":
        from index.faiss_index import FaissIndex

        return FaissIndex.open(path, fingerprint=fingerprint)
    raise UnsupportedFormat(
        f"{path}: made by the back-end {backend!r}, this notelens knows 'faiss'. "
        "Upgrade notelens, or rebuild the index."
    )
