"""Rows grouped by the nearest of some centroids, so that a filtered search can look near a query first.

An inverted file brings its own centroids; a graph gets some at build time for this alone.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index.base import Keys, Vectors
from index.dense.files import load_array
from index.dense.kinds import faiss, inverted_file, is_reduced

_CENTROIDS, _ROWS, _ENDS = "centroids.npy", "list_rows.npy", "list_ends.npy"


class Lists:
    """centroids [L, D'], the rows list by list (int32 [N]) and where each list ends in them (int64 [L])."""

    def __init__(self, centroids: Vectors, rows: NDArray[np.int32], ends: NDArray[np.int64], ann: Any | None) -> None:
        self.centroids = centroids
        self.rows = rows
        self.ends = ends
        self._transform = ann if is_reduced(ann) else None

    def __len__(self) -> int:
        return len(self.centroids)

    @classmethod
    def of_file(cls, ann: Any) -> Self | None:
        """Those of an inverted file; None for an index without one."""
        file = inverted_file(ann)
        if file is None:
            return None
        sizes = [file.invlists.list_size(number) for number in range(file.nlist)]
        parts = [faiss().rev_swig_ptr(file.invlists.get_ids(number), size) for number, size in enumerate(sizes) if size]
        centroids = file.quantizer.reconstruct_n(0, file.nlist)
        return cls(centroids, np.concatenate(parts).astype(np.int32), np.cumsum(sizes, dtype=np.int64), ann)

    @classmethod
    def trained(cls, sample: Vectors, vectors: Vectors, count: int, points: int) -> Self:
        """New ones over these vectors [N, dim], centroids found from the sample."""
        means = faiss().Kmeans(
            sample.shape[1], count, niter=10, spherical=True, min_points_per_centroid=1, max_points_per_centroid=points
        )
        means.train(sample)
        _, nearest = means.index.search(vectors, 1)
        of_row = nearest[:, 0].astype(np.uint16 if count < 65_536 else np.int64)
        rows = np.argsort(of_row, kind="stable").astype(np.int32)
        ends = np.cumsum(np.bincount(of_row, minlength=count), dtype=np.int64)
        return cls(means.centroids.reshape(count, -1), rows, ends, None)

    @classmethod
    def read(cls, folder: Path, ann: Any | None) -> Self | None:
        """Map what write() wrote; None where nothing was."""
        if not (folder / _ROWS).exists():
            return None
        return cls(np.load(folder / _CENTROIDS), load_array(folder / _ROWS), np.load(folder / _ENDS), ann)

    def write(self, folder: Path) -> None:
        """Write them as .npy files."""
        np.save(folder / _CENTROIDS, self.centroids)
        np.save(folder / _ROWS, self.rows)
        np.save(folder / _ENDS, self.ends)

    def scores(self, queries: Vectors) -> Vectors:
        """How near each list's centroid is to each query: float32 [Q, L], higher is nearer."""
        inner = queries
        steps = [] if self._transform is None else map(self._transform.chain.at, range(self._transform.chain.size()))
        for step in steps:
            inner = faiss().downcast_VectorTransform(step).apply(inner)
        scores: Vectors = inner @ self.centroids.T
        return scores


class Grouped:
    """Some of the rows, list by list: int64 [M], and where each list's end in them (int64 [L])."""

    def __init__(self, lists: Lists | None, mask: NDArray[np.bool_]) -> None:
        if lists is None:
            self.rows: Keys = np.flatnonzero(mask)
            self._ends = np.array([len(self.rows)], dtype=np.int64)
        else:
            places = np.flatnonzero(mask[lists.rows])
            self.rows = lists.rows[places].astype(np.int64)
            self._ends = np.searchsorted(places, lists.ends)
        self._starts = np.concatenate([[0], self._ends[:-1]])
        self._sizes = self._ends - self._starts

    @cached_property
    def selected(self) -> Any:
        """What makes FAISS score all of these rows."""
        return faiss().SearchParameters(sel=faiss().IDSelectorArray(self.rows))

    def nearest(self, scores: Vectors, wanted: int) -> NDArray[np.int64]:
        """The lists nearest to a query, until they have at least `wanted` of these rows; all if there are fewer.

        scores: how near each list is, float32 [L].
        """
        lists = len(scores)
        some = min(lists, max(16, 2 * wanted * lists // max(1, len(self.rows))))
        while True:
            near = np.argpartition(-scores, some - 1)[:some] if some < lists else np.arange(lists)
            near = near[np.argsort(-scores[near], kind="stable")]
            passed = np.cumsum(self._sizes[near])
            if passed[-1] >= wanted or some == lists:
                return near[: int(np.searchsorted(passed, wanted)) + 1]
            some = min(lists, 4 * some)

    def within(self, scores: Vectors, bound: float, but: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lists at least as near as the bound that have any of these rows, but for some."""
        chosen = (scores >= bound) & (self._sizes > 0)
        chosen[but] = False
        return np.flatnonzero(chosen)

    def of(self, lists: NDArray[np.int64]) -> Keys:
        """The rows in these lists, list by list."""
        sizes = self._sizes[lists]
        shift = self._starts[lists] - (np.cumsum(sizes) - sizes)
        return self.rows[np.repeat(shift, sizes) + np.arange(int(sizes.sum()))]
