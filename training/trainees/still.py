"""Towers that stand still: what they make of a text or picture is made once, in batches, and kept."""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any

import numpy as np

from encoders.blocks import Vectors

# Of the vectors of a tower that are kept; beyond it they are made anew.
KEPT_BYTES = 1 << 30


class Still:
    """Vectors of a frozen tower by key.

    encode: N inputs to rows float32 [N, D]. `known` is asked in threads, so that what is known need not be read again.
    """

    def __init__(self, encode: Callable[[Sequence[Any]], Vectors], dim: int) -> None:
        self._encode, self.dim = encode, dim
        self._rows = dict[Hashable, Vectors]()
        self._most = max(1, KEPT_BYTES // (4 * dim))
        self._lock = Lock()

    def known(self, key: Hashable) -> bool:
        """Whether the vector of a key is kept."""
        with self._lock:
            return key in self._rows

    def rows(self, keys: Sequence[Hashable], inputs: Sequence[Any]) -> Vectors:
        """Return the vectors float32 [N, D] of N keys; inputs: what to encode where a key is not kept."""
        rows = np.zeros((len(keys), self.dim), dtype=np.float32)
        fresh = []
        for i, key in enumerate(keys):
            with self._lock:
                found = self._rows.get(key)
            if found is None:
                fresh.append(i)
            else:
                rows[i] = found
        if fresh:
            rows[fresh] = self._encode([inputs[i] for i in fresh])
            with self._lock:
                for i in fresh:
                    if len(self._rows) < self._most:
                        self._rows[keys[i]] = rows[i].copy()
        return rows
