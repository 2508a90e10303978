"""A filter over records in memory, with NumPy: the oracle of the other compilers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from index.errors import InvalidFilter
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, Filter, In, Leaf, Literal, Not, Or, Range
from index.schema import Value

Mask: TypeAlias = NDArray[np.bool_]
_BOUNDS = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal}


def mask(bound: Filter, rows: Sequence[Mapping[str, Value]]) -> Mask:
    """Which rows (bool [N]) satisfy a bound filter; each row is `schema.values(payload)` of a record."""
    return _Columns(rows).mask(bound)


class _Columns:
    """The rows by attribute, each column made when a filter first asks for it."""

    def __init__(self, rows: Sequence[Mapping[str, Value]]) -> None:
        self._rows = rows
        self._made: dict[str, tuple[NDArray[np.int64], NDArray[np.generic]]] = {}

    def mask(self, filter: Filter) -> Mask:
        """Which rows (bool [N]) satisfy the filter."""
        if isinstance(filter, Not):
            return ~self.mask(filter.part)
        if isinstance(filter, And | Or):
            matching = np.full(len(self._rows), isinstance(filter, And))
            for part in filter.parts:
                matching = matching & self.mask(part) if isinstance(filter, And) else matching | self.mask(part)
            return matching
        if not isinstance(filter, Eq | In | Range | Contains | ContainsAny | Exists):
            raise InvalidFilter(
                f"filter: got {type(filter).__name__}, expected a bound filter. Pass it through bind() first."
            )
        places, values = self._column(filter.field)
        matching = np.zeros(len(self._rows), dtype=np.bool_)
        matching[places[_holds(filter, values)]] = True
        return matching

    def _column(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.generic]]:
        """The places (int64 [V]) of the rows that have the attribute, and the values (V long) they have.

        A row with several texts stands there once for each of them.
        """
        if name not in self._made:
            found: list[tuple[int, str | float | int | bool]] = []
            for place, row in enumerate(self._rows):
                value = row.get(name, ())
                found.extend((place, each) for each in (value if isinstance(value, tuple) else (value,)))
            values = [value for _, value in found]
            # Text stays Python's str, because NumPy's own drops NUL characters at the end; the other types
            # become float64, int64 and bool, an attribute's values being of one type.
            kind = object if not values or isinstance(values[0], str) else None
            places = np.array([place for place, _ in found], dtype=np.int64)
            self._made[name] = places, np.array(values, dtype=kind)
        return self._made[name]


def _holds(leaf: Leaf, values: NDArray[np.generic]) -> Mask:
    """Which of the values (bool [V]) satisfy the leaf."""
    holds = np.ones(len(values), dtype=np.bool_)
    if isinstance(leaf, Exists):
        return holds
    if isinstance(leaf, Eq | Contains):
        return _bools(np.equal(values, _like(values, leaf.value)))
    if isinstance(leaf, In | ContainsAny):
        wanted = frozenset(leaf.values)
        return np.fromiter((value in wanted for value in values.tolist()), dtype=np.bool_, count=len(values))
    for name, compare in _BOUNDS.items():
        bound = getattr(leaf, name)
        if bound is not None:
            holds &= _bools(compare(values, _like(values, bound)))
    return holds


def _like(values: NDArray[np.generic], literal: Literal) -> NDArray[np.generic]:
    """The literal as a scalar of the values' type: left to itself NumPy makes its own text of it, without last NULs."""
    return np.array(literal, dtype=values.dtype)


def _bools(values: NDArray[np.generic]) -> Mask:
    return values.astype(np.bool_)
