"""The learning rate over a stage, and the seeds of its steps."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.loop.schedule import factor, progress_of
from training.loop.seeds import reseed, seed_of

PART = st.floats(0, 1)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, 0.0),
        (0.05, 0.5),
        (0.1, 1.0),
        (0.1 + 0.9 / 3, 0.2 + 0.8 * 0.75),  # cos 60° = 1/2
        (0.55, 0.2 + 0.8 / 2),
        (0.1 + 0.9 * 2 / 3, 0.2 + 0.8 * 0.25),
        (1.0, 0.2),
        (1.7, 0.2),
    ],
)
def test_by_hand(progress: float, expected: float) -> None:
    assert factor(progress, warmup=0.1, floor=0.2) == pytest.approx(expected)


@given(PART, PART, PART, PART)
def test_up_then_down(one: float, other: float, warmup: float, floor: float) -> None:
    early, late = sorted((one, other))
    at_early, at_late = factor(early, warmup, floor), factor(late, warmup, floor)
    assert 0 <= at_late <= 1 + 1e-12
    if late < warmup:
        assert at_early <= at_late
    elif early >= warmup:
        assert at_early >= at_late - 1e-9
        assert at_late >= floor - 1e-9


def test_no_step_is_wasted_at_the_ends() -> None:
    rates = [factor(progress_of(step, 10, 0.0, None), warmup=0.2, floor=0.0) for step in range(10)]
    assert rates[:2] == pytest.approx([0.05 / 0.2, 0.15 / 0.2])
    assert rates[9] == pytest.approx((1 + math.cos(math.pi * 0.75 / 0.8)) / 2)
    assert min(rates) > 0


def test_time_counts_where_it_is_shorter() -> None:
    assert progress_of(0, 100, elapsed=30.0, deadline=60.0) == 0.5
    assert progress_of(89, 100, elapsed=30.0, deadline=60.0) == 0.895
    assert progress_of(3, 100, elapsed=61.0, deadline=60.0) == 1.0
    assert factor(progress_of(3, 100, 60.0, 60.0), 0.1, 0.05) == pytest.approx(0.05)


def test_seeds() -> None:
    places = [(seed, name, step) for seed in range(3) for name in ("tune", "调") for step in range(20)]
    seeds = {seed_of(*place) for place in places}
    assert len(seeds) == len(places)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(1, "2") != seed_of(12, "")
    reseed(1, "tune", 5)
    first = torch.rand(3)
    reseed(1, "tune", 5)
    assert torch.rand(3).equal(first)
    torch.manual_seed(seed_of(1, "tune", 5))
    assert torch.rand(3).equal(first)
