"""Several pictures of a note to one vector: their mean, or attention with a learned query."""

import numpy as np
from numpy.typing import NDArray

from encoders.blocks import Vectors, unit_rows

SHARPNESS = np.float32(10)  # scores of unit vectors lie within ±1; times ten, a softmax can choose


def pool_images(pictures: Vectors, owners: NDArray[np.intp], count: int, query: Vectors | None = None) -> Vectors:
    """Pool unit rows [P, D] of the notes they belong to (owners [P], ascending) to unit rows [count, D].

    query [D]: weights within a note are softmax(10 · pictures @ query); None, or a query of zeros, is the mean.
    A note without pictures is a zero row.
    """
    pooled = np.zeros((count, pictures.shape[1]), dtype=np.float32)
    if query is not None:
        scores = SHARPNESS * (pictures @ query)
        highest = np.full(count, -np.inf, dtype=np.float32)
        np.maximum.at(highest, owners, scores)
        pictures = pictures * np.exp(scores - highest[owners])[:, None]
    np.add.at(pooled, owners, pictures)
    return unit_rows(pooled)
