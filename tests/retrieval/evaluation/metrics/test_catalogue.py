import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.metrics.catalogue import catalogue, gini, tail


def whole(*values):
    return np.array(values, dtype=np.int64)


def test_by_hand(ranking_of):
    # Of five candidates 0 stands in all three lists, 3 in two, 4 in one; the third place of each is beyond k.
    ranking = ranking_of([[0, 3, 1], [3, 0, 2], [4, 0, 2]])
    found = catalogue(ranking, whole(50, 30, 10, 6, 4), 2)
    # Ascending counts 0, 0, 1, 2, 3 weigh -4, -2, 0, 2, 4. The head is 0 and 1: 50 + 30 is 80 of 100.
    assert found == {
        "coverage@2": 3 / 5,
        "Gini@2": pytest.approx((2 * 2 + 4 * 3) / (5 * 6)),
        "long tail@2": pytest.approx((2 + 1) / 6),
    }


def test_padding_is_not_shown(ranking_of):
    found = catalogue(ranking_of([[1], []], depth=3), whole(9, 1), 3)
    assert found == {"coverage@3": 1 / 2, "Gini@3": 1 / 2, "long tail@3": 1.0}


def test_nothing_shown_or_nothing_popular(ranking_of):
    assert all(map(math.isnan, catalogue(ranking_of([[], []], depth=2), whole(1, 2, 3), 2).values()))
    found = catalogue(ranking_of([[0, 1]]), whole(0, 0, 0, 0), 2)
    assert found["coverage@2"] == 1 / 2
    assert math.isnan(found["long tail@2"])


def test_deeper_than_the_ranking(ranking_of):
    with pytest.raises(EvaluationError, match="top 3 were asked of rankings 2 deep"):
        catalogue(ranking_of([[0, 1]]), whole(1, 1), 3)


def test_gini_of_equals_and_of_one_that_has_all():
    assert gini(whole(7, 7, 7)) == 0
    assert gini(whole(0, 0, 0, 12)) == 3 / 4
    assert gini(whole(5)) == 0
    assert math.isnan(gini(whole(0, 0)))


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 1000)).filter(np.any))
def test_gini_is_half_the_mean_difference_over_the_mean(amounts):
    pairs = np.abs(amounts[:, None] - amounts[None]).mean()
    assert gini(amounts) == pytest.approx(pairs / 2 / amounts.mean(), abs=1e-12)
    assert gini(amounts[::-1]) == gini(amounts) == gini(3 * amounts)


def test_tail_is_what_the_fewest_that_hold_four_fifths_leave():
    # 40 + 30 is 70 of 100, with 10 it is 80: three notes, and the fourth is as popular as the third.
    assert tail(whole(10, 5, 40, 5, 30, 10)).tolist() == [False, True, False, True, False, False]
    # 80 of 100 are enough alone, though 79 are not.
    assert tail(whole(80, 20)).tolist() == [False, True]
    assert tail(whole(79, 21)).tolist() == [False, False]
    assert tail(whole(0, 3, 0)).tolist() == [True, False, True]
    assert tail(whole(0, 0)).tolist() == [True, True]
    assert tail(whole(2, 2, 2, 2, 2)).tolist() == [False] * 5


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 50)).filter(np.any))
def test_tail_holds_at_most_a_fifth_and_no_note_could_leave_the_head(popularity):
    away = tail(popularity)
    total = popularity.sum()
    assert 5 * popularity[away].sum() <= total
    head = popularity[~away]
    assert popularity[away].max(initial=-1) < head.min()
    # Without its least popular notes the head would hold less than four fifths.
    assert 5 * head[head > head.min()].sum() < 4 * total
