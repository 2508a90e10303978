"""Base and delta as one set of rows, in step with the store, searched.

Every step runs inside one read transaction of the store, so what is added and removed is what that transaction
sees, whichever process wrote it. Rows of the base are 0 … N−1, those of the delta go on from N.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.base import Keys, Neighbours, Vectors
from index.dense.allowed import Allowed, AllowedRows
from index.dense.base import Base
from index.dense.delta import Delta
from index.dense.plan import cost_of_all, cost_of_nearest
from index.dense.search import FIRST, Found, Rows, merged, score_nearest
from index.dense.settle import settle
from index.filters.tree import Filter
from index.store.store import Store

_SPARE = 64
"""Removed rows that a search over everything would rather find and drop than have FAISS test each row."""


class Live:
    """The rows as of a sequence number. Not locked; after an error in catch_up() it must not be used again."""

    def __init__(self, base: Base | None, dim: int) -> None:
        self.base = base
        self.seq = base.note.seq if base else 0
        self._size = len(base) if base else 0
        self._delta = Delta(dim, self._size)
        self._allowed = AllowedRows(base)
        self.alive: NDArray[np.bool_] | None = None
        """Which rows of the base are still there; None while all of them are."""
        self.alive_bits: Rows | None = None
        self._dead = 0

    @property
    def dead(self) -> int:
        """Rows of the base that were removed since."""
        return self._dead

    @property
    def written(self) -> int:
        """Rows written since the base, those removed again included."""
        return len(self._delta)

    def catch_up(self, store: Store, seq: int) -> None:
        """Take in what came since, up to the store's sequence number."""
        removed = store.removed_after(self.seq)
        last = int(self._delta.keys[-1]) if len(self._delta) else self.seq
        if len(removed):
            self._remove(removed)
        for added in store.added_after(max(last, self.seq)):
            self._delta.add(added)
        self.seq = seq

    def search(self, store: Store, queries: Vectors, k: int, where: Filter | None) -> Neighbours:
        """The k nearest rows that a bound filter allows, as of the last catch_up()."""
        allowed = None
        if where is not None:
            allowed = self._allowed.of(where, store, self.alive, self._delta)
        total = self._total(allowed)
        if not total or not len(queries):
            return Neighbours([[] for _ in queries], [np.empty(0, dtype=np.float32) for _ in queries])
        k = min(k, total)
        finder = _Finder(self, allowed, k)
        found, exact = finder.find(queries, min(k + 1, total))
        return settle(queries, k, found, exact, total, self._vectors, self._names, lambda q, n: finder.find(q, n)[0])

    def keys_allowed(self, store: Store, where: Filter) -> Keys:
        """The keys (int64, ascending) of the rows that a bound filter allows, as of the last catch_up()."""
        allowed = self._allowed.of(where, store, self.alive, self._delta)
        late = self._delta.keys[allowed.delta & self._delta.alive]
        return np.concatenate([self.base.keys[allowed.rows()], late]) if self.base is not None else late

    def _total(self, allowed: Allowed | None) -> int:
        if allowed is None:
            return self._size - self._dead + int(np.count_nonzero(self._delta.alive))
        return allowed.count + int(np.count_nonzero(allowed.delta & self._delta.alive))

    def _remove(self, keys: Keys) -> None:
        base_rows = np.empty(0, dtype=np.int64)
        if self.base is not None:
            places = np.searchsorted(self.base.keys, keys)
            inside = places < self._size
            base_rows = places[inside][self.base.keys[places[inside]] == keys[inside]]
        if len(base_rows):
            if self.alive is None:
                self.alive = np.ones(self._size, dtype=bool)
                self.alive_bits = Rows(self.alive)
            base_rows = base_rows[self.alive[base_rows]]
            self.alive[base_rows] = False
            if self.alive_bits is not None:
                self.alive_bits.drop(base_rows)
            self._allowed.drop(base_rows)
            self._dead += len(base_rows)
        self._delta.remove(keys)

    def _vectors(self, rows: Keys) -> Vectors:
        inside = rows < self._size
        if self.base is None or not inside.any():
            return self._delta.vectors(rows)
        if inside.all():
            return self.base.searcher.vectors(rows)
        vectors = np.empty((len(rows), self.base.searcher.dim), dtype=np.float32)
        vectors[inside] = self.base.searcher.vectors(rows[inside])
        vectors[~inside] = self._delta.vectors(rows[~inside])
        return vectors

    def _names(self, rows: Keys) -> NDArray[Any]:
        inside = rows < self._size
        if self.base is not None and inside.all():
            return self.base.names.take(rows)
        names = np.empty(rows.shape, dtype=object)
        if self.base is not None and inside.any():
            names[inside] = self.base.names.take(rows[inside])
        late = rows[~inside] - self._size
        names[~inside] = [self._delta.ids[row] for row in late.tolist()]
        return names


class _Finder:
    """One search's plan: over these rows, for k neighbours."""

    def __init__(self, live: Live, allowed: Allowed | None, k: int) -> None:
        self._live = live
        self._allowed = allowed
        self._k = k

    def find(self, queries: Vectors, n: int) -> tuple[Found, bool]:
        """The best n candidates of each query, and whether every row was scored for them."""
        live = self._live
        found: Found | None = None
        exact = True
        if live.base is not None and (self._allowed is None or self._allowed.count):
            found, exact = self._in_base(live.base, queries, n)
        if len(live._delta):
            late = live._delta.search(queries, n, None if self._allowed is None else self._allowed.delta)
            found = late if found is None else merged(found, late)
        assert found is not None  # total > 0
        return found, exact

    def _in_base(self, base: Base, queries: Vectors, n: int) -> tuple[Found, bool]:
        if self._allowed is not None:
            return self._among(base, queries, n, self._allowed)
        live, searcher = self._live, base.searcher
        available = len(base) - live.dead
        if searcher.is_exhaustive or available <= n:
            return self._all(base, queries, n), True
        found = searcher.approximate(queries, n, base.calibration.width(self._k), live.alive_bits)
        short = np.flatnonzero((found[1] >= 0).sum(axis=1) < n)
        if len(short):  # too few in reach: score every row rather than answer with fewer than there are
            found[0][short], found[1][short] = self._all(base, queries[short], n)
        return found, False

    def _all(self, base: Base, queries: Vectors, n: int) -> Found:
        """Every row that is still there, scored."""
        live = self._live
        if live.alive is None:
            return base.searcher.score_all(queries, n)
        if live.dead <= _SPARE:
            scores, rows = base.searcher.score_all(queries, min(n + live.dead, len(base)))
            return _without(scores, rows, live.alive, n)
        return base.searcher.score_all(queries, n, live.alive_bits)

    def _among(self, base: Base, queries: Vectors, n: int, allowed: Allowed) -> tuple[Found, bool]:
        """Rows that a filter allows: all of them scored, or those in the nearest lists where that is less work."""
        searcher, lists, alive = base.searcher, base.lists, self._live.alive
        if lists is not None and cost_of_nearest(FIRST * n, len(lists), searcher.dim) < cost_of_all(
            allowed.count, searcher.dim
        ):
            near = lists.scores(queries)
            found = score_nearest(searcher, queries, near, allowed.grouped, base.calibration.reach, n, alive)
            short = np.flatnonzero((found[1] >= 0).sum(axis=1) < min(n, allowed.count))
            if len(short):  # so many of the nearest were removed
                found[0][short], found[1][short] = self._all_allowed(base, queries[short], n, allowed)
            return found, False
        # Of a flat base every score is the oracle's to the bit, under a filter as well; others come near enough.
        return self._all_allowed(base, queries, n, allowed), searcher.is_exhaustive

    def _all_allowed(self, base: Base, queries: Vectors, n: int, allowed: Allowed) -> Found:
        """Every row that a filter allows and that is still there, scored."""
        rows, alive = allowed.grouped.rows, self._live.alive
        if alive is not None:
            return base.searcher.score_rows(queries, n, rows[alive[rows]])
        return base.searcher.score_rows(queries, n, rows, allowed.grouped.selected)


def _without(scores: Vectors, rows: Keys, alive: NDArray[np.bool_], n: int) -> Found:
    """The first n whose rows are still there."""
    there = alive[np.maximum(rows, 0)] & (rows >= 0)
    order = np.argsort(~there, axis=1, kind="stable")[:, :n]
    kept = np.take_along_axis(there, order, axis=1)
    return (
        np.where(kept, np.take_along_axis(scores, order, axis=1), -np.inf).astype(np.float32),
        np.where(kept, np.take_along_axis(rows, order, axis=1), -1),
    )
