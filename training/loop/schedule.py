"""The learning rate as a function of how much of a stage is done."""

import math

from training.recipes.config import OptimiserConfig


def factor(progress: float, warmup: float, floor: float) -> float:
    """Part of the full learning rate at progress in [0, 1]: linear up to 1 at `warmup`, then half a cosine to `floor`.

    SGDR without restarts (Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5) behind a warm-up. Progress beyond
    1 counts as 1.
    """
    progress = min(progress, 1.0)
    if progress < warmup:
        return progress / warmup
    left = 1.0 - (progress - warmup) / (1.0 - warmup) if warmup < 1.0 else 1.0
    return floor + (1.0 - floor) * 0.5 * (1.0 - math.cos(math.pi * left))


def progress_of(step: int, steps: int, elapsed: float, deadline: float | None) -> float:
    """How much of a stage is done in the middle of step `step` (from 0): by steps or by seconds, whichever is further.

    The middle, so that neither the first step nor the last is taken at a rate of zero. With a deadline the rate is at
    its floor when time runs out, however few steps there was time for.
    """
    by_steps = (step + 0.5) / steps
    return by_steps if deadline is None else min(1.0, max(by_steps, elapsed / deadline))


def rate_at(config: OptimiserConfig, progress: float) -> float:
    """The factor of a configuration's learning rates at some progress."""
    return factor(progress, config.warmup, config.floor)
