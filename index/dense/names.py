"""Row → id: the ids of a base in one memory-mapped block, made into strings only as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from index.base import Keys
from index.dense.files import load_array


class Names:
    """The ids of rows 0 … N−1: UTF-8 bytes end to end, and where each ends (int64 [N])."""

    def __init__(self, text: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._text = text
        self._ends = ends
        self._made: NDArray[Any] = np.empty(len(ends), dtype=object)
        self._is_made = np.zeros(len(ends), dtype=bool)

    @classmethod
    def of(cls, encoded: Sequence[bytes]) -> Self:
        """The ids given as UTF-8."""
        ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)

    @classmethod
    def read(cls, text: Path, ends: Path) -> Self:
        """Map the files that write() made."""
        return cls(load_array(text), load_array(ends))

    def write(self, text: Path, ends: Path) -> None:
        """Write both arrays as .npy files."""
        np.save(text, self._text)
        np.save(ends, self._ends)

    def take(self, rows: Keys) -> NDArray[Any]:
        """The ids of these rows, an object array of str in the shape of `rows`."""
        known = self._is_made[rows]
        if not known.all():
            for row in rows[~known].tolist():
                start = int(self._ends[row - 1]) if row else 0
                self._made[row] = self._text[start : int(self._ends[row])].tobytes().decode()
                self._is_made[row] = True
        found: NDArray[Any] = self._made[rows]
        return found
