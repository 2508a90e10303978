"""The seam: records in, neighbours out, and what every back-end promises.

Scores are inner products of unit vectors, that is cosines in [-1, 1]: HIGHER IS BETTER, everywhere.
Equal scores are ordered by id, ascending by code point, also where the k-th place is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from index.filters.tree import Filter
from index.schema import IndexSchema

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
Vectors: TypeAlias = NDArray[np.float32]
Keys: TypeAlias = NDArray[np.int64]
Progress: TypeAlias = Callable[[int], None]
"""Is told how many more records have been taken in."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One row: an id, its unit vector (float32 [dim]), any JSON payload and the hash of its content.

    The vector is empty (float32 [0]) where a read was asked for `with_vectors=False`; such a record
    cannot be stored back by mistake, because its length is refused.
    """

    id: str
    vector: Vectors
    payload: dict[str, JSON]
    content_hash: str


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """One entry a query, best first: ids, and their scores (float32 [found], found ≤ k)."""

    ids: list[list[str]]
    scores: list[Vectors]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back-end does today, so that callers need not guess."""

    lexical: bool
    """keyword() answers; otherwise it raises MissingCapability."""
    exact: bool
    """search() is exhaustive; otherwise neighbours may be missed, though never wrong in score or order."""
    durable: bool
    """A write that returned survives the death of the process and of the machine."""
    shared: bool
    """Other processes may read while one writes, and see its writes without opening again."""


class NoteIndex(Protocol):
    """Ids, unit vectors and payloads, searched by vector. Usable as a context manager.

    Safe to call from several threads. After close() every call raises IndexClosed.
    """

    @property
    def dim(self) -> int:
        """The length of every vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """The encoder this index was built with."""
        ...

    @property
    def meta(self) -> dict[str, JSON]:
        """What the creator wished to keep beside the index; a fresh copy."""
        ...

    @property
    def schema(self) -> IndexSchema:
        """What may be filtered by and what keyword search reads."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this back-end does."""
        ...

    def upsert(self, records: Iterable[Record]) -> None:
        """Store records, replacing those with the same id: one call is one atomic, durable transaction.

        Of records that share an id within one call the last wins. A replaced record moves to the end
        of the insertion order. Raises InvalidRecord, and then nothing of the call is stored, for: a
        vector of another length than dim, with NaN or Inf, or of a norm further than 1e-3 from 1; an
        empty id; a lone surrogate in id, payload or content_hash; a payload that is not JSON.
        """
        ...

    def delete(self, ids: Iterable[str]) -> int:
        """Remove these ids in one atomic, durable transaction; returns how many existed."""
        ...

    def search(self, vectors: Vectors, k: int, where: Filter | None = None) -> Neighbours:
        """The k nearest records of each row of `vectors` (float32 [Q, dim], unit rows).

        Fewer than k come back where fewer are stored or match `where`.
        Raises InvalidQuery for k < 1, another shape, NaN or Inf, or rows that are not of unit length;
        InvalidFilter for a filter that does not fit the schema.
        """
        ...

    def keyword(self, text: str, k: int, where: Filter | None = None) -> Neighbours:
        """The k best records for the words of `text` by BM25 over the schema's text fields; one entry.

        Scores are BM25's: positive, higher is better, comparable within one answer only. A text without any
        word finds nothing. Raises InvalidQuery for k < 1, InvalidFilter, MissingCapability.
        """
        ...

    def get(self, ids: Iterable[str], with_vectors: bool = True) -> list[Record | None]:
        """The records of these ids, in the order asked; None for an unknown one."""
        ...

    def scan(self, batch_size: int = 1024, with_vectors: bool = True, where: Filter | None = None) -> Iterator[Record]:
        """Every record (that matches `where`) in insertion order, as of the first one drawn, in constant memory."""
        ...

    def count(self, where: Filter | None = None) -> int:
        """How many records are stored, or match `where`."""
        ...

    def snapshot(self, on_progress: Progress | None = None) -> None:
        """Bring the derived files up to date where that pays, so that searching and the next opening are quick."""
        ...

    def compact(self, on_progress: Progress | None = None) -> None:
        """Fold recent writes and removals into freshly built derived files, whether or not it pays yet."""
        ...

    def info(self) -> dict[str, JSON]:
        """Type, rows, dim, bytes on disk and the like, for people and logs."""
        ...

    def close(self) -> None:
        """Release files and locks; closing twice is fine."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
