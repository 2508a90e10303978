"""A filter as the set of rows it allows: resolved once, remembered, and kept in step with writes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from index.base import Keys
from index.dense.base import Base
from index.dense.delta import Delta
from index.dense.lists import Grouped
from index.filters.tree import And, Filter, Leaf, Not, Or
from index.store.store import Store

_KEPT = 32
"""Filters that are remembered; over a million rows each takes a megabyte and 8 bytes a matching row."""

Mask = NDArray[np.bool_]


class Allowed:
    """The rows of a base that a filter allows, grouped by list, and those of the delta."""

    def __init__(self, mask: Mask, base: Base | None) -> None:
        self.count = int(np.count_nonzero(mask))
        """How many of the base's rows are allowed and still there."""
        self.grouped = Grouped(base.lists if base else None, mask)
        """The rows allowed when the filter was resolved; of those removed since, whoever scores them must take care."""
        self.delta: Mask = np.zeros(0, dtype=bool)
        self._mask = mask

    def drop(self, rows: Keys) -> None:
        """Rows of the base were removed."""
        gone = rows[self._mask[rows]]
        self._mask[gone] = False
        self.count -= len(gone)

    def rows(self) -> Keys:
        """The rows (int64, ascending) that are allowed and still there."""
        return np.flatnonzero(self._mask)


class AllowedRows:
    """The filters used of late over one base, each with its rows."""

    def __init__(self, base: Base | None) -> None:
        self._base = base
        self._kept: OrderedDict[Filter, Allowed] = OrderedDict()

    def drop(self, rows: Keys) -> None:
        """Rows of the base were removed."""
        for allowed in self._kept.values():
            allowed.drop(rows)

    def of(self, where: Filter, store: Store, alive: Mask | None, delta: Delta) -> Allowed:
        """The rows that a bound filter allows.

        The store may have gone on: a key's attributes never change, and rows are looked up among the delta's own.
        alive: which rows of the base are still there; None for all of them.
        """
        allowed = self._kept.get(where)
        if allowed is None:
            allowed = self._kept[where] = self._resolve(where, alive)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(where)
        seen = len(allowed.delta)
        if seen < len(delta):
            keys = delta.keys[seen:]
            more = _mask(where, len(keys), lambda leaf: [_places(keys, store.keys_of(leaf, after=int(keys[0]) - 1))])
            allowed.delta = np.concatenate([allowed.delta, more])
        return allowed

    def _resolve(self, where: Filter, alive: Mask | None) -> Allowed:
        if self._base is None:
            return Allowed(np.zeros(0, dtype=bool), None)
        mask = _mask(where, len(self._base), self._base.postings.rows)
        if alive is not None:
            mask &= alive
        return Allowed(mask, self._base)


def _mask(where: Filter, size: int, rows_of: Callable[[Leaf], Iterable[NDArray[np.integer]]]) -> Mask:
    """The rows (bool [size]) that satisfy a filter, given the rows that satisfy each of its leaves, in parts."""
    if isinstance(where, Not):
        return ~_mask(where.part, size, rows_of)
    if isinstance(where, And | Or):
        mask = np.full(size, isinstance(where, And))
        for part in where.parts:
            if isinstance(where, And):
                mask &= _mask(part, size, rows_of)
            else:
                mask |= _mask(part, size, rows_of)
        return mask
    mask = np.zeros(size, dtype=bool)
    for rows in rows_of(where):
        mask[rows] = True
    return mask


def _places(sorted_keys: Keys, keys: Keys) -> Keys:
    """Where those of these keys stand that are among the sorted ones, of which there is at least one."""
    places = np.searchsorted(sorted_keys, keys)
    places[places == len(sorted_keys)] = 0
    inside: Keys = places[sorted_keys[places] == keys]
    return inside
