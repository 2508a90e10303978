"""Weights averaged over a stage: what it ends with where its recipe says so, in place of the last step's."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from training.loop.learner import Learner

# Beside AdamW's moments of each weight, so that checkpoints hold it as they hold these.
KEY = "average"


@torch.no_grad()
def average(learner: Learner, gamma: float, steps: int) -> None:
    """Take the weights after so many steps, at least 1, into their average.

    w̄ ← β w̄ + (1 − β) w with β = (1 − 1/t)^(γ + 1) after t steps (Karras et al., arXiv 2312.02696, section 3.1): how far
    back the average reaches is a part of the steps so far, so that it suits a stage of any length.
    """
    share = 1 - (1 - 1 / steps) ** (gamma + 1)
    for each in learner.trained:
        # A weight without a gradient so far has no state, and has not moved.
        if state := learner.optimiser.state.get(each.weight):
            if KEY not in state:
                state[KEY] = each.weight.detach().clone()
            state[KEY].lerp_(each.weight, share)


@contextmanager
def averaged(learner: Learner) -> Iterator[None]:
    """Within, the weights are their averages, those that have one; then what they were."""
    kept = _averages(learner)
    _swap(kept)
    try:
        yield
    finally:
        _swap(kept)


@torch.no_grad()
def take_average(learner: Learner) -> None:
    """Set the weights that have an average to it, for good."""
    for weight, mean in _averages(learner):
        weight.copy_(mean)


def _averages(learner: Learner) -> list[tuple[Tensor, Tensor]]:
    state = learner.optimiser.state
    return [(each.weight, state[each.weight][KEY]) for each in learner.trained if KEY in state.get(each.weight, {})]


@torch.no_grad()
def _swap(pairs: list[tuple[Tensor, Tensor]]) -> None:
    for weight, mean in pairs:
        held = weight.clone()
        weight.copy_(mean)
        mean.copy_(held)
