"""An index as arrays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from index import NoteIndex


def export_vectors(index: NoteIndex, path: Path, on_progress: Callable[[int], None] | None = None) -> int:
    """Write ids [N] (strings) and vectors [N, dim] (float32, unit rows) to an .npz without pickle; returns N."""
    ids: list[str] = []
    rows: list[np.ndarray] = []
    for record in index.scan():
        ids.append(record.id)
        rows.append(record.vector)
        if on_progress:
            on_progress(1)
    vectors = np.stack(rows) if rows else np.zeros((0, index.dim), dtype=np.float32)
    with path.open("wb") as file:  # given a name, NumPy would append .npz to any other suffix
        np.savez(file, ids=np.array(ids, dtype=np.str_), vectors=vectors)
    return len(ids)
