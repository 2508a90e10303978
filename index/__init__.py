"""Ids, unit vectors and attributes in; the nearest neighbours of a vector, or the best for some words, out.

The room knows nothing of notes or of what made the vectors. `NoteIndex` (index/base.py) is the seam,
`ExactIndex` its plain in-memory oracle, `FaissIndex` the durable default (SQLite is the truth; FAISS and the
words are derived from it), `MilvusIndex` the same over Milvus. `open_index` opens whichever back-end made a folder.
The names load on first use, so `import index` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.base import JSON, Capabilities, Neighbours, NoteIndex, Record
    from index.dense.config import FaissConfig
    from index.errors import (
        BackendUnavailable,
        CorruptIndex,
        FingerprintMismatch,
        IndexClosed,
        IndexExists,
        IndexLocked,
        IndexNotFound,
        IndexReadOnly,
        InvalidFilter,
        InvalidQuery,
        InvalidRecord,
        InvalidVersion,
        MissingCapability,
        NoteIndexError,
        OutOfSpace,
        UnsupportedFormat,
    )
    from index.exact import ExactIndex
    from index.faiss_index import FaissIndex
    from index.filters.text import parse_filter
    from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Not, Or, Range
    from index.migrate import copy_index
    from index.places import MilvusPlace, connect, create_index, open_index
    from index.schema import Attribute, AttributeType, IndexSchema

__all__ = [
    "JSON",
    "And",
    "Attribute",
    "AttributeType",
    "BackendUnavailable",
    "Capabilities",
    "Contains",
    "ContainsAny",
    "CorruptIndex",
    "Eq",
    "ExactIndex",
    "Exists",
    "FaissConfig",
    "FaissIndex",
    "Filter",
    "FingerprintMismatch",
    "In",
    "IndexClosed",
    "IndexExists",
    "IndexLocked",
    "IndexNotFound",
    "IndexReadOnly",
    "IndexSchema",
    "InvalidFilter",
    "InvalidQuery",
    "InvalidRecord",
    "InvalidVersion",
    "MilvusPlace",
    "MissingCapability",
    "Neighbours",
    "Not",
    "NoteIndex",
    "NoteIndexError",
    "Or",
    "OutOfSpace",
    "Range",
    "Record",
    "UnsupportedFormat",
    "connect",
    "copy_index",
    "create_index",
    "open_index",
    "parse_filter",
]

_HOMES = {
    "index.base": ("JSON", "Capabilities", "Neighbours", "NoteIndex", "Record"),
    "index.dense.config": ("FaissConfig",),
    "index.exact": ("ExactIndex",),
    "index.faiss_index": ("FaissIndex",),
    "index.filters.text": ("parse_filter",),
    "index.filters.tree": ("And", "Contains", "ContainsAny", "Eq", "Exists", "Filter", "In", "Not", "Or", "Range"),
    "index.migrate": ("copy_index",),
    "index.places": ("MilvusPlace", "connect", "create_index", "open_index"),
    "index.schema": ("Attribute", "AttributeType", "IndexSchema"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'index' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF.get(name, "index.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
