"""Evaluations during a stage: the best so far, and patience."""

import math

import torch
from torch import nn

from training.errors import TrainingError
from training.loop.seams import Evaluator
from training.loop.state import Best, State
from training.loop.workplace import Workplace
from training.trainees.base import Trainee


def evaluate(evaluator: Evaluator, trainee: Trainee, workplace: Workplace) -> tuple[dict[str, float], float]:
    """Measure a trainee in process 0, without gradients and in evaluation mode, which then ends.

    Returns the figures (in other processes none) and the value that decides, known to all. Raises TrainingError where
    the figures lack it.
    """
    figures: dict[str, float] = {}
    if workplace.first:
        modes = {module: module.training for module in trainee.module.modules()}
        trainee.module.eval()
        try:
            with torch.no_grad():
                figures = dict(evaluator(trainee))
        finally:
            _set_modes(modes)
        if evaluator.metric not in figures:
            raise TrainingError(f"the evaluation gave {', '.join(figures)}, but {evaluator.metric} decides")
    (value,) = workplace.from_first(figures.get(evaluator.metric, 0.0))
    return figures, value


def judged(state: State, value: float) -> State:
    """The state after an evaluation that gave `value`; one that is not finite is no better than any other."""
    better = math.isfinite(value) and (state.best is None or value > state.best.value)
    best = Best(step=state.step, value=value) if better else state.best
    return state.model_copy(update={"evaluated": state.step, "best": best, "stale": 0 if better else state.stale + 1})


def _set_modes(modes: dict[nn.Module, bool]) -> None:
    for module, training in modes.items():
        module.training = training
