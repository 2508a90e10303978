"""A mix of partial notes as one query vector: what it should be like, and what less of."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from encoders.blocks import Blocks, Vectors, unit_rows
from retrieval.errors import EmptyQuery


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part of a mix counts: every text, image, note and stored note that is liked, and each unliked one.

    Unliked ones weigh less, so that a query stays near what it asks for (Rocchio 1971).
    """

    text: float = 1.0
    image: float = 1.0
    note: float = 1.0
    like: float = 1.0
    unlike: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            weight = getattr(self, field.name)
            if not (np.isfinite(weight) and weight >= 0):
                raise EmptyQuery(f"the weight of {field.name} is {weight}; wanted a number from 0 up")


def mix(
    parts: Sequence[Vectors], weights: Sequence[float], unlike: Sequence[Vectors], less: float, blocks: Blocks
) -> Vectors:
    """Return the unit vector [D] of: the mean of parts [D] by weight, less `less` times the mean of unlike [D].

    Every vector drops its absent coordinates first, so that all parts weigh the same. Raises EmptyQuery where
    nothing is left.
    """
    if not parts or not any(weights):
        raise EmptyQuery("nothing to search with: give a text, an image, or the id of a note that it should be like")
    wanted = blocks.as_query(np.stack(parts))
    shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    query = shares @ wanted.astype(np.float64)
    if unlike:
        query -= less * blocks.as_query(np.stack(unlike)).mean(axis=0)
    if np.linalg.norm(query) < 1e-6:
        raise EmptyQuery("nothing is left of the query: what it should be like and unlike are the same")
    asked: Vectors = unit_rows(query[None])[0]
    return asked
