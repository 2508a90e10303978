"""What was written since the base: a few thousand rows at most, each of them scored."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index.base import Keys, Vectors
from index.dense.search import Found, nearest_of
from index.store.store import Added


class Delta:
    """Rows in key order, numbered on from `first`; removed ones stay in place and are not found."""

    def __init__(self, dim: int, first: int) -> None:
        self._first = first
        self._size = 0
        self._keys = np.empty(64, dtype=np.int64)
        self._vectors = np.empty((64, dim), dtype=np.float32)
        self._alive = np.zeros(64, dtype=bool)
        self.ids: list[str] = []
        self._view: tuple[Keys, Vectors] | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def keys(self) -> Keys:
        """The keys (int64 [N]), ascending."""
        return self._keys[: self._size]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which rows are still there (bool [N])."""
        return self._alive[: self._size]

    def add(self, added: Added) -> None:
        """Append records whose keys are greater than all before."""
        more = len(added.keys)
        size = self._size + more
        if size > len(self._keys):
            room = max(size, 2 * len(self._keys))
            self._keys = _grown(self._keys, room)
            self._vectors = _grown(self._vectors, room)
            self._alive = _grown(self._alive, room)
        self._keys[self._size : size] = added.keys
        self._vectors[self._size : size] = added.vectors
        self._alive[self._size : size] = True
        self.ids += added.ids
        self._size = size
        self._view = None

    def remove(self, keys: Keys) -> None:
        """Take out those of these keys that are here."""
        places = np.searchsorted(self.keys, keys)
        inside = places < self._size
        places = places[inside][self.keys[places[inside]] == keys[inside]]
        self._alive[places] = False
        self._view = None

    def vectors(self, rows: Keys) -> Vectors:
        """The vectors (float32 [N, dim]) of these rows."""
        return self._vectors[rows - self._first]

    def search(self, queries: Vectors, n: int, mask: NDArray[np.bool_] | None = None) -> Found:
        """The best n rows that are there (and in the mask, bool [N])."""
        if mask is not None:
            places = np.flatnonzero(mask & self.alive)
            return nearest_of(queries, self._vectors[places], places + self._first, n)
        if self._view is None:  # made once for many searches
            places = np.flatnonzero(self.alive)
            everything = len(places) == self._size
            self._view = places + self._first, self._vectors[: self._size] if everything else self._vectors[places]
        rows, vectors = self._view
        return nearest_of(queries, vectors, rows, n)


_Scalar = TypeVar("_Scalar", bound=np.generic)


def _grown(array: NDArray[_Scalar], room: int) -> NDArray[_Scalar]:
    larger = np.empty((room, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
