"""The corpus of the index benchmark: clustered unit vectors, two text columns, queries and exact answers.

1,000 Gaussians in 20 dimensions go through a random linear map to 128, noise is added in all 128, and rows are
divided by their norm. `category` is random, so its filters cut across all clusters; `region` follows the first of
the 20 dimensions, so its filters select a part of the space that most queries lie outside of.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIM = 128
INTRINSIC = 20
CLUSTERS = 1000
WITHIN = 0.68
"""Standard deviation inside a cluster, where that of the centres is 1, in each of the intrinsic dimensions."""
NOISE = 0.1
"""Of each of the 128 coordinates, where the mapped centres have about 1."""
QUERIES = 1000
EXTRA = 20_000
"""Rows beyond the corpus, for writes."""
K = 10
_CHUNK = 100_000
_SHARES = [0.10] * 3 + [0.02] * 10 + [0.001] * 10
_OTHERS = 100
FILTERS: dict[str, tuple[str, list[str]]] = {
    "10 %": ("category", [f"c{number}" for number in range(3)]),
    "2 %": ("category", [f"c{number}" for number in range(3, 13)]),
    "0.1 %": ("category", [f"c{number}" for number in range(13, 23)]),
    "10 % correlated": ("region", [f"r{number}" for number in (0, 4, 8)]),
}
"""By name: the column, and values that each select that share of the rows. Query i takes value i mod their number."""


@dataclass(frozen=True)
class Corpus:
    """The arrays under a folder, mapped. Rows 0 to rows−1 are the corpus, the EXTRA after them are for writes."""

    folder: Path
    rows: int

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """Float32 [rows + EXTRA, DIM], unit rows."""
        return self._load("vectors")

    @cached_property
    def queries(self) -> NDArray[np.float32]:
        """Float32 [QUERIES, DIM], unit rows that are not in the corpus; in memory."""
        return np.array(self._load("queries"))

    @cached_property
    def columns(self) -> dict[str, NDArray[np.int16]]:
        """Int16 [rows + EXTRA]: the number behind the letter of each text value."""
        return {"category": np.array(self._load("category")), "region": np.array(self._load("region"))}

    def truth(self, name: str = "") -> NDArray[np.int64]:
        """Int64 [QUERIES, K]: the exact neighbours, of all rows or under a filter of FILTERS; −1 where fewer match."""
        return self._load(f"truth {name}".strip())

    def payload(self, row: int) -> dict[str, Any]:
        """The payload of a row."""
        category, region = self.columns["category"][row], self.columns["region"][row]
        return {"category": f"c{category}", "region": f"r{region}", "rank": row % 1000}

    def texts(self, column: str, start: int, stop: int) -> list[str]:
        """A column's text values over a range of rows."""
        return [f"{column[0]}{number}" for number in self.columns[column][start:stop].tolist()]

    def mask(self, column: str, value: str, rows: int) -> NDArray[np.bool_]:
        """Which of the first `rows` rows have the value."""
        matches: NDArray[np.bool_] = self.columns[column][:rows] == int(value[1:])
        return matches

    def _load(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return array


def corpus(folder: Path, rows: int, seed: int) -> Corpus:
    """The corpus under `folder`, made there unless one of the same recipe stands."""
    recipe = {"rows": rows, "seed": seed, "within": WITHIN, "noise": NOISE, "extra": EXTRA, "shares": _SHARES}
    stamp = folder / "recipe.json"
    if stamp.exists() and json.loads(stamp.read_text()) == recipe:
        return Corpus(folder, rows)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLUSTERS, INTRINSIC))
    lift = rng.standard_normal((INTRINSIC, DIM)) / np.sqrt(INTRINSIC)
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (rows + EXTRA, DIM))
    region = np.empty(rows + EXTRA, dtype=np.int16)
    slices = np.argsort(np.argsort(centres[:, 0])) * 10 // CLUSTERS
    for start in range(0, rows + EXTRA, _CHUNK):
        part = slice(start, min(start + _CHUNK, rows + EXTRA))
        vectors[part], clusters = _drawn(rng, centres, lift, part.stop - part.start)
        region[part] = slices[clusters]
    queries, _ = _drawn(rng, centres, lift, QUERIES)
    shares = np.array(_SHARES + [(1 - sum(_SHARES)) / _OTHERS] * _OTHERS)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "region.npy", region)
    np.save(folder / "category.npy", rng.choice(len(shares), rows + EXTRA, p=shares / shares.sum()).astype(np.int16))
    made = Corpus(folder, rows)
    _write_truth(made)
    stamp.write_text(json.dumps(recipe))
    return made


def recall(found: Any, truth: NDArray[np.int64]) -> float:
    """The mean over queries of the share of true neighbours found; a query without any counts for nothing."""
    shares = []
    for got, wanted in zip(found, truth, strict=True):
        best = {int(row) for row in wanted if row >= 0}
        if best:
            shares.append(len(best & {int(row) for row in got}) / len(best))
    return float(np.mean(shares)) if shares else 1.0


def _drawn(
    rng: np.random.Generator, centres: NDArray[np.float64], lift: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    clusters = rng.integers(len(centres), size=count)
    inner = centres[clusters] + WITHIN * rng.standard_normal((count, INTRINSIC))
    rows = inner @ lift + NOISE * rng.standard_normal((count, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), clusters


def _write_truth(made: Corpus) -> None:
    import faiss

    def nearest(rows: NDArray[np.int64] | None, queries: NDArray[np.float32]) -> NDArray[np.int64]:
        flat = faiss.IndexFlatIP(DIM)
        count = made.rows if rows is None else len(rows)
        for start in range(0, count, _CHUNK):
            part = slice(start, start + _CHUNK)
            flat.add(
                np.ascontiguousarray(made.vectors[: made.rows][part] if rows is None else made.vectors[rows[part]])
            )
        labels: NDArray[np.int64] = flat.search(queries, K)[1]
        return labels if rows is None else np.where(labels >= 0, np.append(rows, -1)[labels], -1)

    np.save(made.folder / "truth.npy", nearest(None, made.queries))
    for name, (column, values) in FILTERS.items():
        truth = np.full((QUERIES, K), -1, dtype=np.int64)
        for number, value in enumerate(values):
            rows = np.flatnonzero(made.mask(column, value, made.rows))
            truth[number :: len(values)] = nearest(rows, made.queries[number :: len(values)])
        np.save(made.folder / f"truth {name}.npy", truth)
