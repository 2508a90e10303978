from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.systems.base import Ranking


def _ranking(rows: Sequence[Sequence[int]], depth: int | None = None) -> Ranking:
    depth = depth or max(map(len, rows))
    positions = np.full((len(rows), depth), -1, dtype=np.int64)
    scores = np.full((len(rows), depth), -np.inf, dtype=np.float32)
    for i, row in enumerate(rows):
        positions[i, : len(row)] = row
        scores[i, : len(row)] = 1.0
    return Ranking(positions, scores)


def _relevance(grades: Sequence[Mapping[int, int]]) -> Relevance:
    return Relevance(
        np.cumsum([0, *map(len, grades)]).astype(np.int64),
        np.array([position for row in grades for position in row], dtype=np.int64),
        np.array([grade for row in grades for grade in row.values()], dtype=np.int32),
    )


@pytest.fixture(scope="session")
def ranking_of() -> Callable[..., Ranking]:
    """Rows of positions as a ranking in which all scores are equal: the order alone may count."""
    return _ranking


@pytest.fixture(scope="session")
def relevance_of() -> Callable[..., Relevance]:
    """Grades by position, a mapping a query."""
    return _relevance
