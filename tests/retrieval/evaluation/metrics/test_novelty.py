import math

import numpy as np
import pytest

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.metrics.novelty import novelty

POPULARITY = np.array([6, 2, 0, 1], dtype=np.int64)


def test_by_hand(ranking_of):
    # Of 6 users: p is 7/8, 3/8, 1/8 and 2/8.
    ranking = ranking_of([[2, 3, 0], [0, 1, 2], [3]], depth=3)
    found = novelty(ranking, POPULARITY, 6, 2)
    assert found == pytest.approx([(3 + 2) / 2, (-math.log2(7 / 8) - math.log2(3 / 8)) / 2, 2])


def test_an_empty_list_is_not_counted(ranking_of):
    found = novelty(ranking_of([[], [2]], depth=2), POPULARITY, 6, 2)
    assert np.isnan(found).tolist() == [True, False]


def test_nobody_to_know_anything(ranking_of):
    assert novelty(ranking_of([[0]]), np.zeros(1, dtype=np.int64), 0, 1).tolist() == [-math.log2(1 / 2)]


def test_more_than_there_are_is_an_error(ranking_of):
    with pytest.raises(EvaluationError, match="6 of 5 users; count each user once"):
        novelty(ranking_of([[0]]), POPULARITY, 5, 1)
    with pytest.raises(EvaluationError, match="top 2 were asked of rankings 1 deep"):
        novelty(ranking_of([[0]]), POPULARITY, 6, 2)
