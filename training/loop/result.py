"""What a stage is asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from training.loop.workplace import Workplace

Ended = Literal["steps", "time", "patience"]


@dataclass(frozen=True, slots=True)
class Limits:
    """deadline: seconds of a stage, with its evaluations but for the one at the end; None: as many as it takes.

    checkpoint_steps, checkpoint_seconds: a checkpoint is written after so many steps, or seconds, since the last one;
    None: not for that. One is also written after a best evaluation, on a signal, and at the end.
    """

    deadline: float | None = None
    checkpoint_steps: int | None = None
    checkpoint_seconds: float | None = 300.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and under which conditions a stage runs.

    folder: gets `checkpoints/`, `metrics.jsonl` and `tensorboard/`; all processes must see it. identity: what else a
    checkpoint must agree on, as JSON (digests of recipe, pairs and corpus), besides the stage and the seed.
    """

    folder: Path
    workplace: Workplace = field(default_factory=Workplace)
    seed: int = 0
    identity: Mapping[str, object] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints stand."""
        return self.folder / "checkpoints"

    @property
    def metrics(self) -> Path:
        """The log, one JSON object a line."""
        return self.folder / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """What TensorBoard reads."""
        return self.folder / "tensorboard"


@dataclass(frozen=True, slots=True)
class StageResult:
    """How a stage went.

    steps: taken in all, those before a resume included; losses: of each. ended: why there were no more. best: the
    largest value of the evaluator's metric and after how many steps it was reached; None without an evaluator. weights:
    whether the trainee now has those after the last step, or those of the best evaluation. evaluation: the figures of
    these weights, empty without an evaluator (and in processes but the first). pairs_per_second: over the steps of this
    run, evaluations and checkpoints left out; 0 where it took none. elapsed: seconds in all. remarks: for the user.
    """

    steps: int
    ended: Ended
    best: tuple[int, float] | None
    weights: Literal["last", "best"]
    evaluation: Mapping[str, float]
    losses: tuple[float, ...]
    pairs_per_second: float
    elapsed: float
    remarks: tuple[str, ...]
