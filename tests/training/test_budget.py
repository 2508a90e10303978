"""Seconds shared between stages."""

from __future__ import annotations

import pytest

from training.budget import LEAST, Budget


@pytest.fixture
def clock():
    times = [100.0]
    return times, lambda: times[0]


def test_time_is_shared_by_weight_and_what_one_leaves_the_others_have(clock):
    times, now = clock
    budget = Budget(100.0, now)
    budget.reserve = 10.0
    times[0] += 30  # mining and the like
    assert budget.share([1.0, 2.0]) == pytest.approx((100 - 30 - 10) * 1 / 3)
    times[0] += 5  # the first ended early
    assert budget.share([2.0]) == pytest.approx(100 - 35 - 10)
    assert budget.share([1.0, 1.0], fixed=15) == pytest.approx((100 - 35 - 10 - 15) / 2)
    assert budget.elapsed == 35


def test_time_of_a_run_before_counts(clock):
    times, now = clock
    budget = Budget(100.0, now)
    budget.add(60.0)
    times[0] += 10
    assert budget.elapsed == 70
    assert budget.share([1.0, 1.0]) == pytest.approx((100 - 70) / 2)


def test_a_stage_has_a_second_even_when_time_is_up(clock):
    times, now = clock
    budget = Budget(10.0, now)
    times[0] += 50
    assert budget.share([1.0]) == LEAST == 1.0


def test_without_a_limit_there_is_none(clock):
    assert Budget(None, clock[1]).share([1.0, 3.0]) is None
