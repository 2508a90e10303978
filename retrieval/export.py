"""An index as arrays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from encoders.quantize import Int8Ranges
from index import NoteIndex
from retrieval.errors import RetrievalError

ExportPrecision = Literal["float32", "int8"]


def export_vectors(
    index: NoteIndex,
    path: Path,
    on_progress: Callable[[int], None] | None = None,
    precision: ExportPrecision = "float32",
    ranges: Int8Ranges | None = None,
) -> int:
    """Write ids [N] (strings) and vectors [N, dim] to an .npz without pickle; returns N.

    `layout` says as JSON what the numbers of a row are (encoders.blocks.Blocks). float32: unit rows. int8: codes, with
    the ranges that turn them back, `low` and `high` float32 [dim] (see encoders.quantize); ranges: those of an earlier
    export, else they are taken from these vectors.
    """
    ids: list[str] = []
    rows: list[np.ndarray] = []
    for record in index.scan():
        ids.append(record.id)
        rows.append(record.vector)
        if on_progress:
            on_progress(1)
    vectors = np.stack(rows) if rows else np.zeros((0, index.dim), dtype=np.float32)
    arrays: dict[str, Any] = {"ids": np.array(ids, dtype=np.str_), "vectors": vectors}
    if "blocks" in index.meta:  # an index of vectors that notelens did not make says nothing of them
        arrays["layout"] = np.array(json.dumps(index.meta["blocks"]))
    if precision == "int8":
        ranges = ranges or Int8Ranges.calibrate(vectors)
        arrays |= {"vectors": ranges.quantize(vectors), "low": ranges.low, "high": ranges.high}
    with path.open("wb") as file:  # given a name, NumPy would append .npz to any other suffix
        np.savez(file, **arrays)
    return len(ids)


def read_ranges(path: Path) -> Int8Ranges:
    """Return the ranges an int8 export was written with; raises RetrievalError."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return Int8Ranges(data["low"], data["high"])
    except (OSError, ValueError, KeyError) as error:
        raise RetrievalError(f"{path} holds no int8 ranges ({error}): give the .npz of an int8 export") from error
