"""Notes ranked by the inner product of their vectors, and vectors read from a file that was exported."""

import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.blocks import Blocks
from encoders.quantize import Int8Ranges
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import in_parts, nearest
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores
from retrieval.evaluation.tied import score_pairs

Vectors = NDArray[np.float32]

_CHUNK = 1 << 22
"""Numbers read or checked at a time."""
_TOGETHER = 1 << 16
"""Queries at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class VectorSystem:
    """Ranks by exact inner product; a zero vector, of a note that lacks what is read, scores 0 with all.

    candidates: float32 [N, D], a row a note of the pool, an array or a memmap. queries: float32 [N, D], the same notes
    as queries where those are encoded otherwise (Blocks.as_query drops what only says that a part is absent);
    None: they are the same. Raises EvaluationError for shapes that do not fit, another dtype, NaN or Inf.
    """

    name: str
    candidates: Vectors
    queries: Vectors | None = None

    def __post_init__(self) -> None:
        shape = self.candidates.shape
        for what, vectors in (("candidates", self.candidates), ("queries", self.queries)):
            if vectors is None:
                continue
            if vectors.ndim != 2 or vectors.dtype != np.float32 or vectors.shape != shape:
                raise EvaluationError(
                    f"{self.name}: {what} are {vectors.dtype} {list(vectors.shape)}, expected float32 "
                    f"[notes, dimensions], candidates and queries alike. Convert them first."
                )
            _check_finite(vectors, f"{self.name}: {what}")

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """See System.rank."""

        def rank(part: slice) -> Ranking:
            some = queries[part]
            return nearest(self._queries[some], self.candidates, some, depth, on_progress)

        return in_parts(len(queries), _TOGETHER, depth, rank)  # so that not all queries are copied at once

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:
        """See System.score_pairs."""
        return score_pairs(self._queries, self.candidates, queries, candidates)

    @property
    def _queries(self) -> Vectors:
        return self.candidates if self.queries is None else self.queries


def read_vectors(path: Path, ids: Sequence[str]) -> Vectors:
    """Read the vectors of some notes, float32 [N, D] in the order of ids, from the .npz that `notelens export` writes.

    The file holds ids [M] and vectors [M, D] of any float dtype, or int8 with the ranges low and high [D]. Notes that
    are not asked for are passed over; nothing is unpickled. Holds the result and a few MiB, if rows lie in C order.
    Raises EvaluationError for what is no such file, ids that are missing or come twice, NaN or Inf.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = _stored_ids(path, _array(archive, "ids"))
            wanted = _places(path, stored, ids)
            names = archive.namelist()
            quantised = "low.npy" in names and "high.npy" in names
            ranges = Int8Ranges(_array(archive, "low"), _array(archive, "high")) if quantised else None
            vectors = _read_rows(path, archive, wanted, len(ids), ranges)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise EvaluationError(
            f"{path} holds no exported vectors ({error}): give an .npz with ids [N] and vectors [N, D], "
            "as `notelens export` writes it, without pickled objects"
        ) from error
    _check_finite(vectors, str(path))
    return vectors


def read_layout(path: Path) -> Blocks | None:
    """Read how the vectors of an export are laid out; None where the file does not say. Raises EvaluationError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if "layout.npy" not in archive.namelist():
                return None
            return Blocks.from_json(json.loads(str(_array(archive, "layout"))))
    except (OSError, ValueError, KeyError, AssertionError, zipfile.BadZipFile, zlib.error) as error:
        raise EvaluationError(f"{path}: its layout cannot be read ({error}): export the vectors again") from error


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _stored_ids(path: Path, ids: NDArray[np.str_]) -> dict[str, int]:
    """Return the row of every id. Numbers are taken for their digits."""
    if ids.ndim != 1 or ids.dtype.kind not in "Uiu":
        raise EvaluationError(f"{path}: ids are {ids.dtype} {list(ids.shape)}, expected one string a note")
    names = [str(name) for name in ids.tolist()]
    stored = {name: row for row, name in enumerate(names)}
    if len(stored) < len(names):
        twice = [name for row, name in enumerate(names) if stored[name] != row]
        raise EvaluationError(f"{path}: {len(twice)} ids come more than once, first {twice[:5]}. Keep one row of each.")
    return stored


def _places(path: Path, stored: dict[str, int], ids: Sequence[str]) -> Positions:
    """Return for each row of the file the place it is wanted at, -1 for none, int64 [M]."""
    missing = [name for name in ids if name not in stored]
    if missing:
        raise EvaluationError(
            f"{path}: {len(missing)} of {len(ids)} notes have no vector, first {missing[:5]}. "
            "Export vectors of all notes that are evaluated, or leave those notes out of the corpus."
        )
    wanted = np.full(len(stored), -1, dtype=np.int64)
    wanted[[stored[name] for name in ids]] = np.arange(len(ids))
    return wanted


def _read_rows(
    path: Path, archive: zipfile.ZipFile, wanted: Positions, count: int, ranges: Int8Ranges | None
) -> Vectors:
    """Read a block of rows at a time and put each where it is wanted: the file is never in memory as a whole."""
    with archive.open("vectors.npy") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, in_columns, dtype = header(file)
        codes = ranges if dtype == np.int8 else None
        if len(shape) != 2 or shape[0] != len(wanted) or not (codes or dtype.kind == "f"):
            raise EvaluationError(
                f"{path}: vectors are {dtype} {list(shape)}, expected [{len(wanted)}, dimensions] of floats, "
                "or of int8 with `low` and `high` beside them"
            )
        rows, dim = shape
        if codes and (codes.low.shape != (dim,) or codes.high.shape != (dim,)):
            raise EvaluationError(f"{path}: low and high are {list(codes.low.shape)}, expected [{dim}] as vectors are")
        if archive.getinfo("vectors.npy").file_size < rows * dim * dtype.itemsize:
            raise EOFError("vectors.npy is shorter than its header says")
        vectors = np.empty((count, dim), dtype=np.float32)
        step = max(1, rows if in_columns else _CHUNK // max(1, dim))
        for first in range(0, rows, step):
            size = min(step, rows - first)
            block = np.frombuffer(file.read(size * dim * dtype.itemsize), dtype=dtype)
            block = block.reshape((size, dim), order="F" if in_columns else "C")
            here = wanted[first : first + size]
            kept = here >= 0
            vectors[here[kept]] = codes.dequantize(block[kept]) if codes else block[kept]
    return vectors


def _check_finite(vectors: Vectors, what: str) -> None:
    step = max(1, _CHUNK // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), step):
        bad = np.flatnonzero(~np.isfinite(vectors[start : start + step]).all(axis=1))
        if len(bad):
            raise EvaluationError(
                f"{what}: row {start + int(bad[0])} has NaN or Inf, expected finite numbers. Encode that note again."
            )
