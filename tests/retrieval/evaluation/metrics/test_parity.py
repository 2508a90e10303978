import math

import numpy as np
import pytest

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.metrics.parity import category_parity, exposure_parity

NAMES = ("美食", "travel", "home", "pets")


def test_categories_by_hand():
    values = np.array([0.1, 0.3, 0.9, 0.7, np.nan, 1.0, 0.0, 0.4, 0.6])
    categories = np.array([0, 0, 1, 1, 1, 2, -1, 3, 3], dtype=np.int32)
    found = category_parity(values, categories, NAMES, 2)
    assert found is not None
    # home has one query, and the one without a category counts for none.
    assert found.means == pytest.approx({"美食": 0.4 / 2, "travel": 1.6 / 2, "pets": 1.0 / 2})
    assert (found.worst, found.best) == ("美食", "travel")
    assert (found.lowest, found.highest, found.gap) == pytest.approx((0.2, 0.8, 0.6))
    assert found.deviation == pytest.approx(math.sqrt((0.3**2 + 0.3**2 + 0) / 3))


def test_fewer_than_two_categories_have_no_gap():
    values, categories = np.array([0.1, 0.2, 0.3]), np.array([0, 0, 1], dtype=np.int32)
    assert category_parity(values, categories, NAMES, 2) is None
    assert category_parity(np.full(3, np.nan), categories, NAMES, 0) is None
    both = category_parity(values, categories, NAMES, 0)
    assert both is not None
    assert list(both.means) == ["美食", "travel"]


def test_exposure_by_hand(ranking_of, relevance_of):
    categories = np.array([0, 0, 1, 2, -1], dtype=np.int32)
    ranking = ranking_of([[0, 2, 1], [1, 4, 3], [2], [3, 2, 1]], depth=3)
    relevance = relevance_of([{1: 1, 2: 3}, {0: 1, 3: 1, 4: 1}, {1: 1}, {}])
    # Two places each: 0 2, 1 4, 2; the last query has nothing relevant. Relevant: 1 2, 0 3 4, 1.
    found = exposure_parity(ranking, relevance, categories, NAMES, 2)
    assert found.shown == pytest.approx([2 / 4, 2 / 4, 0, 0])
    assert found.relevant == pytest.approx([3 / 5, 1 / 5, 1 / 5, 0])
    # What one has too much is what the others lack.
    assert found.distance == pytest.approx(2 / 4 - 1 / 5)


def test_exposure_as_relevance_is_parity_and_apart_is_all(ranking_of, relevance_of):
    categories = np.array([0, 1, 2], dtype=np.int32)
    ranking = ranking_of([[0, 1]])
    assert exposure_parity(ranking, relevance_of([{1: 1, 0: 2}]), categories, NAMES, 2).distance == 0
    assert exposure_parity(ranking, relevance_of([{2: 1}]), categories, NAMES, 2).distance == 1


def test_exposure_of_nothing(ranking_of, relevance_of):
    categories = np.array([0, 1], dtype=np.int32)
    found = exposure_parity(ranking_of([[0, 1]]), relevance_of([{}]), categories, NAMES, 2)
    assert np.isnan(found.shown).all()
    assert math.isnan(found.distance)
    with pytest.raises(EvaluationError, match="top 3 were asked of rankings 2 deep"):
        exposure_parity(ranking_of([[0, 1]]), relevance_of([{0: 1}]), categories, NAMES, 3)
