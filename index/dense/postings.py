"""The attributes of a base's rows, as the rows of each value in the order of values, so that every leaf is a slice.

Derived from the store's attribute table, whose primary key has that very order. Resolving a filter costs
microseconds where the table takes milliseconds.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence, Sized
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from index.base import Keys
from index.dense.files import load_array
from index.dense.names import Names
from index.filters.tree import Contains, Eq, Exists, Leaf, Range
from index.schema import AttributeType, IndexSchema
from index.store.store import Store

_FILE = "attributes.json"


class Texts(Sequence[str]):
    """Sorted texts that are decoded as they are asked for."""

    def __init__(self, names: Names, size: int) -> None:
        self._names = names
        self._size = size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(self._size))]
        return str(self._names.take(np.array([place]))[0])


class Posting:
    """One attribute: its distinct values, ascending; the rows of each, end to end (int32); where each ends (int64)."""

    def __init__(self, values: Sequence[str] | NDArray[np.float64 | np.int64], rows: NDArray[np.int32], ends: Keys):
        self._values = values
        self._rows = rows
        self._ends = ends

    def rows(self, leaf: Leaf) -> Iterator[NDArray[np.int32]]:
        """The rows that satisfy a bound leaf, in parts; a row of several texts may come in several."""
        if isinstance(leaf, Exists):
            yield self._rows
        elif isinstance(leaf, Range):
            low = 0
            high = len(self._values)
            if leaf.gt is not None or leaf.ge is not None:
                low = self._after(leaf.gt) if leaf.gt is not None else self._before(leaf.ge)
            if leaf.lt is not None or leaf.le is not None:
                high = self._before(leaf.lt) if leaf.lt is not None else self._after(leaf.le)
            yield self._slice(low, high)
        elif isinstance(leaf, Eq | Contains):
            yield self._of(leaf.value)
        else:
            yield from map(self._of, leaf.values)

    def _of(self, value: object) -> NDArray[np.int32]:
        return self._slice(self._before(value), self._after(value))

    def _before(self, value: Any) -> int:
        if isinstance(self._values, np.ndarray):
            return int(np.searchsorted(self._values, value, side="left"))
        return bisect_left(self._values, str(value))

    def _after(self, value: Any) -> int:
        if isinstance(self._values, np.ndarray):
            return int(np.searchsorted(self._values, value, side="right"))
        return bisect_right(self._values, str(value))

    def _slice(self, low: int, high: int) -> NDArray[np.int32]:
        if low >= high:
            return self._rows[:0]
        return self._rows[int(self._ends[low - 1]) if low else 0 : int(self._ends[high - 1])]


class Postings:
    """The attributes of a schema over the rows of one base."""

    def __init__(self, schema: IndexSchema, postings: Sequence[Posting]) -> None:
        self._of = {attribute.name: each for attribute, each in zip(schema.attributes, postings, strict=True)}

    def rows(self, leaf: Leaf) -> Iterator[NDArray[np.int32]]:
        """The rows that satisfy a bound leaf, in parts."""
        return self._of[leaf.field].rows(leaf)

    @classmethod
    def read(cls, folder: Path, schema: IndexSchema) -> Self:
        """Map what write_postings() wrote. Raises ValueError where that was for another schema."""
        if json.loads((folder / _FILE).read_text()) != schema.as_json()["attributes"]:
            raise ValueError("its attributes are those of another schema")
        return cls(schema, [_read(folder, number, each.type) for number, each in enumerate(schema.attributes)])


def write_postings(folder: Path, store: Store, schema: IndexSchema, keys: Keys) -> None:
    """Write the postings of the rows of these keys (int64, ascending), as the store's read transaction sees them."""
    (folder / _FILE).write_text(json.dumps(schema.as_json()["attributes"]))
    for number, attribute in enumerate(schema.attributes):
        values: list[str | float | int] = []
        found: list[Keys] = []
        for some, of_some in store.attribute(number):
            values += some
            found.append(of_some)
        rows, there = _rows_of(keys, np.concatenate(found) if found else np.empty(0, dtype=np.int64))
        np.save(folder / f"attribute{number}.rows.npy", rows.astype(np.int32))
        if attribute.type in (AttributeType.TEXT, AttributeType.TEXTS):
            texts = list(compress(values, there.tolist()))
            lasts = [place for place, (one, other) in enumerate(pairwise(texts)) if one != other]
            Names.of([str(texts[place]).encode() for place in (*lasts, *_last(texts))]).write(
                *_text_files(folder, number)
            )
        else:
            kind = np.float64 if attribute.type is AttributeType.NUMBER else np.int64
            numbers = np.array(values, dtype=kind)[there]
            lasts = np.flatnonzero(numbers[1:] != numbers[:-1]).tolist()
            np.save(folder / f"attribute{number}.values.npy", numbers[[*lasts, *_last(numbers)]])
        ends = np.array([place + 1 for place in (*lasts, *_last(rows))], dtype=np.int64)
        np.save(folder / f"attribute{number}.ends.npy", ends)


def _last(values: Sized) -> list[int]:
    """The place of the last value, if there is one."""
    return [len(values) - 1] if len(values) else []


def _read(folder: Path, number: int, kind: AttributeType) -> Posting:
    rows = load_array(folder / f"attribute{number}.rows.npy")
    ends = load_array(folder / f"attribute{number}.ends.npy")
    if kind in (AttributeType.TEXT, AttributeType.TEXTS):
        values: Sequence[str] = Texts(Names.read(*_text_files(folder, number)), len(ends))
        return Posting(values, rows, ends)
    return Posting(load_array(folder / f"attribute{number}.values.npy"), rows, ends)


def _text_files(folder: Path, number: int) -> tuple[Path, Path]:
    return folder / f"attribute{number}.texts.npy", folder / f"attribute{number}.text_ends.npy"


def _rows_of(keys: Keys, found: Keys) -> tuple[Keys, NDArray[np.bool_]]:
    """Where those of these keys stand that are among the base's, and which: the table may name removed records."""
    places = np.searchsorted(keys, found)
    places[places == len(keys)] = 0
    there = keys[places] == found
    return places[there], there
