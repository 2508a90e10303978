"""What all figures of rankings start from: the top of each list, and which of its places are right."""

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.systems.base import Ranking

_CHUNK = 1 << 22
"""Places looked at in one go: some ten arrays of 32 MiB."""


def top(ranking: Ranking, k: int) -> Positions:
    """The first k places of each list, int64 [Q, k], -1 where a list is shorter.

    Raises EvaluationError where the ranking is not k deep.
    """
    if not 1 <= k <= ranking.depth:
        raise EvaluationError(
            f"figures of the top {k} were asked of rankings {ranking.depth} deep; "
            f"ask for 1 to {ranking.depth}, or rank deeper"
        )
    return ranking.positions[:, :k]


def hits(ranking: Ranking, relevance: Relevance) -> NDArray[np.bool_]:
    """Whether the note at each place is relevant to the query of its row, bool [Q, depth]; False at -1."""
    assert len(ranking.positions) == len(relevance)
    found = np.zeros(ranking.positions.shape, dtype=np.bool_)
    if not relevance.positions.size or not found.size:
        return found
    stride = max(int(relevance.positions.max()), int(ranking.positions.max())) + 1
    step = max(1, _CHUNK // ranking.depth)
    for start in range(0, len(found), step):
        places = ranking.positions[start : start + step]
        part = relevance.take(np.arange(start, start + len(places)))
        right = np.sort(np.repeat(np.arange(len(places)) * stride, part.counts) + part.positions)
        if not right.size:
            continue
        asked = np.arange(len(places))[:, None] * stride + places
        at = np.minimum(np.searchsorted(right, asked), right.size - 1)
        # Without the second condition, -1 in one row is the last note of the row before.
        found[start : start + step] = (right[at] == asked) & (places >= 0)
    return found


def means(per_query: NDArray[np.float64]) -> float:
    """The mean over the queries that count, those not NaN; NaN where there is none."""
    counted = per_query[~np.isnan(per_query)]
    return float(counted.mean()) if counted.size else float("nan")
