"""One contrastive batch: B pairs of 2B different notes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """notes: int64 [2B], places in the pair graph, all different; row i's partner is row i ± B.

    step: from 0, over all epochs of a stage. epoch: from 0.
    """

    step: int
    epoch: int
    notes: NDArray[np.int64]

    @property
    def pairs(self) -> int:
        """B."""
        return len(self.notes) // 2
