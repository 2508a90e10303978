"""How little known the notes are that a ranking shows."""

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.metrics.lists import top
from retrieval.evaluation.systems.base import Ranking


def novelty(ranking: Ranking, popularity: Positions, users: int, k: int) -> NDArray[np.float64]:
    """Mean self-information of the first k notes of each list, in bits, float64 [Q]; NaN where a list is empty.

    A note tells -log2 p, p being the probability that a training user picked at random looked at it (Zhou et al.,
    PNAS 2010; the popularity-based novelty of Vargas and Castells, RecSys 2011), with one added to those who looked
    and to those who did not: p = (popularity + 1) / (users + 2). So a note everybody knows is near 0 bits, one nobody
    has seen log2(users + 2). popularity: int64 [N], how many of the `users` looked at each note. Raises
    EvaluationError where the ranking is not k deep or a note is said to be known to more users than there are.
    """
    most = int(popularity.max(initial=0))
    if most > users:
        raise EvaluationError(
            f"a note was looked at by {most} of {users} users; count each user once, and give all training users"
        )
    bits = np.log2(users + 2) - np.log2(popularity + 1.0)
    places = top(ranking, k)
    filled = places >= 0
    # The last note stands in at -1, and counts for nothing there.
    total = np.where(filled, bits[places] if len(bits) else 0.0, 0.0).sum(axis=1)
    number = filled.sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
