"""What is refused before anything is stored or searched."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.base import Record, Vectors
from index.errors import InvalidQuery, InvalidRecord
from index.schema import IndexSchema, Value

UNIT_TOLERANCE = 1e-3
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SCALARS = frozenset((str, int, float, bool, type(None)))
_TOGETHER = 4096
"""Rows whose norms are taken in one go."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A record that was checked: payload as JSON text, a private float32 [dim] vector, attributes by name."""

    id: str
    payload: str
    content_hash: str
    vector: Vectors
    values: dict[str, Value]


def checked_rows(records: Iterable[Record], dim: int, schema: IndexSchema) -> list[Row]:
    """Every record checked, one row an id (the last wins), in the order of their last appearance.

    Raises InvalidRecord for a record that cannot be stored.
    """
    rows: dict[str, Row] = {}
    waiting: list[Row] = []
    for record in records:
        waiting.append(_checked_row(record, dim, schema))
        if len(waiting) == _TOGETHER:
            _keep(waiting, rows)
            waiting = []
    _keep(waiting, rows)
    return list(rows.values())


def _keep(waiting: Sequence[Row], rows: dict[str, Row]) -> None:
    """Check the norms of all at once, and file each row under its id with a copy of its vector."""
    if not waiting:
        return
    vectors = np.stack([row.vector for row in waiting])
    for place in np.flatnonzero(_is_off(vectors)).tolist():
        raise InvalidRecord(f"record {waiting[place].id!r}: vector: {_unit_fault(vectors[place])}")
    for row, vector in zip(waiting, vectors, strict=True):
        rows.pop(row.id, None)  # so that the order is that of the last appearance
        rows[row.id] = Row(row.id, row.payload, row.content_hash, vector, row.values)


def checked_queries(vectors: Vectors, dim: int, k: int) -> Vectors:
    """The queries as contiguous float32 [Q, dim]; raises InvalidQuery."""
    if k < 1:
        raise InvalidQuery(f"k is {k}, expected at least 1. Ask for one neighbour or more.")
    queries = _floats(vectors)
    if queries is None or queries.ndim != 2 or queries.shape[1] != dim:
        got = "no array of numbers" if queries is None else f"shape {list(queries.shape)}"
        raise InvalidQuery(
            f"query vectors: got {got}, expected [Q, {dim}]. "
            "Encode with the encoder the index was built with, and wrap a single vector as vector[None, :]."
        )
    for number in np.flatnonzero(_is_off(queries)):
        raise InvalidQuery(f"query {number}: {_unit_fault(queries[number])}")
    return queries


def json_text(value: object) -> str | None:
    """The value as JSON text, or None where reading it back would not give the same value.

    That refuses NaN, keys that are no strings, tuples, sets, bytes, cycles and lone surrogates alike.
    """
    try:
        text = _ENCODER.encode(value)
        same = _is_plain(value) or bool(json.loads(text) == value)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if same and is_storable(text) else None


def _is_plain(value: object) -> bool:
    """Whether the value is made of JSON's own types alone, and so comes back as it went."""
    if type(value) in _SCALARS:
        return True
    if type(value) is dict:
        return all(type(key) is str and _is_plain(part) for key, part in value.items())
    return type(value) is list and all(map(_is_plain, value))


def is_storable(text: str) -> bool:
    """Whether the text is Unicode that UTF-8 can hold, that is without lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def distinct_ids(ids: Iterable[str]) -> list[str]:
    """The ids without repeats, in order. Raises TypeError for a bare string, which would be its letters."""
    if isinstance(ids, str):
        raise TypeError(f"ids: got the string {ids!r}, expected several ids. Wrap it in a list.")
    return list(dict.fromkeys(ids))


def _checked_row(record: Record, dim: int, schema: IndexSchema) -> Row:
    if not isinstance(record.id, str) or not record.id:
        raise InvalidRecord(f"id: got {record.id!r}, expected a string that is not empty. Give it an id.")
    for name, text in (("id", record.id), ("content_hash", record.content_hash)):
        if not isinstance(text, str) or not is_storable(text):
            raise InvalidRecord(
                f"record {record.id!r}: {name} {text!r} is not Unicode text (a lone surrogate?). "
                "Decode the source as UTF-8 with errors='replace'."
            )
    payload = json_text(record.payload) if isinstance(record.payload, dict) else None
    if payload is None:
        raise InvalidRecord(
            f"record {record.id!r}: the payload is not JSON: expected a dict with string keys holding dicts, "
            "lists, strings without lone surrogates, finite numbers, booleans or None. Convert other values."
        )
    vector = _floats(record.vector)
    if vector is None or vector.shape != (dim,):
        got = "no array of numbers" if vector is None else f"shape {list(vector.shape)}"
        raise InvalidRecord(
            f"record {record.id!r}: vector: got {got}, expected [{dim}]. "
            "Encode with the encoder the index was built with, or create a new index for this one."
        )
    return Row(record.id, payload, record.content_hash, vector, schema.values(record.payload))


def _floats(values: object) -> Vectors | None:
    if type(values) is np.ndarray and values.dtype == np.float32 and values.flags.c_contiguous:
        return values
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        return None
    return np.ascontiguousarray(array, dtype=np.float32) if array.dtype.kind in "fiu" else None


def _is_off(vectors: Vectors) -> NDArray[np.bool_]:
    """Whether each row [N, dim] is not of unit length, NaN and Inf included."""
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))  # no float32 squared overflows there
    off: NDArray[np.bool_] = ~(np.abs(norms - 1.0) <= UNIT_TOLERANCE)
    return off


def _unit_fault(vector: Vectors) -> str:
    norm = float(np.linalg.norm(vector.astype(np.float64)))  # no float32 squared overflows here
    if not math.isfinite(norm):
        return "it holds NaN or Inf, expected finite numbers. Look for the note that made the encoder fail."
    return f"its norm is {norm:.6g}, expected 1 within {UNIT_TOLERANCE}. Divide it by its norm."
