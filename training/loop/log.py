"""What a stage tells of itself: to its log, to TensorBoard, to a progress bar, and in its result."""

from collections.abc import Mapping
from pathlib import Path

from training.loop.board import Board
from training.loop.metrics import MetricsLog, losses, read
from training.loop.result import Ended, Setting, StageResult
from training.loop.seams import Progress
from training.loop.state import State
from training.loop.step import Taken

SMOOTHING = 0.9  # how much of the loss that is shown stays from step to step


class Log:
    """Counts in every process, and writes in the first. Raises TrainingError where the metrics cannot be written."""

    def __init__(self, setting: Setting, name: str, state: State, steps: int, newest: Path | None) -> None:
        """state: where the stage stands; what the files hold of later steps is removed. newest: checkpoint."""
        self._setting, self._name, self._steps = setting, name, steps
        self._first = state
        self._progress: Progress | None = None
        self._pairs, self._seconds = 0, 0.0
        self._shown: float | None = None
        self._metrics: MetricsLog | None = None
        self._board: Board | None = None
        if setting.workplace.first:
            self._metrics = MetricsLog(setting.metrics, state.step, newest)
            self._board = Board(setting.tensorboard, state.step)

    def begin(self, progress: Progress | None) -> None:
        """Show from now on how far the stage is."""
        if progress and self._setting.workplace.first:
            self._progress = progress
            progress.restart(self._name, self._steps)
            progress.reach(self._first.step, self._steps)

    def step(
        self, state: State, taken: Taken, rate: float, pairs: int, seconds: float, figures: Mapping[str, float]
    ) -> None:
        """Tell of one step, after which the stage is in `state`; figures: the objective's own."""
        self._pairs, self._seconds = self._pairs + pairs, self._seconds + seconds
        self._shown = taken.loss if self._shown is None else SMOOTHING * self._shown + (1 - SMOOTHING) * taken.loss
        line = {
            **figures,
            "loss": taken.loss,
            "lr": rate,
            "grad_norm": taken.grad_norm,
            "pairs_per_second": pairs / seconds,
            "elapsed": state.elapsed,
        }
        if self._metrics:
            self._metrics.add({"step": state.step, "epoch": state.epoch, **line})
        if self._board:
            self._board.add("train", line, state.step)
        if self._progress:
            self._progress.reach(state.step, self._likely_steps(state))
            self._progress.show({"loss": self._shown, "pairs/s": self._pairs / self._seconds})

    def evaluation(self, state: State, figures: Mapping[str, float]) -> None:
        """Tell of an evaluation."""
        if self._metrics:
            place = {"step": state.step, "epoch": state.epoch, "elapsed": state.elapsed}
            self._metrics.add({**place, "evaluation": dict(figures)})
        if self._board:
            self._board.add("validation", figures, state.step)

    def saved(self, checkpoint: Path) -> None:
        """Name this checkpoint as the newest, should anything go wrong."""
        if self._metrics:
            self._metrics.checkpoint = checkpoint

    def result(self, state: State, ended: Ended, back: bool, remarks: list[str]) -> StageResult:
        """What came of the stage; back: whether the weights are those of the best evaluation, not the last."""
        best = state.best
        at = best.step if best and back else state.step
        evaluations = [line for line in read(self._setting.metrics) if "evaluation" in line and line["step"] == at]
        figures = evaluations[-1]["evaluation"] if evaluations else {}
        assert isinstance(figures, dict)
        return StageResult(
            steps=state.step,
            ended=ended,
            best=(best.step, best.value) if best else None,
            weights="best" if back else "last",
            evaluation=figures,
            losses=losses(self._setting.metrics),
            pairs_per_second=self._pairs / self._seconds if self._seconds else 0.0,
            elapsed=state.elapsed,
            remarks=(*remarks, *(self._board.remarks if self._board else ())),
        )

    def close(self) -> None:
        """Write what is left, and close the files."""
        if self._metrics:
            self._metrics.close()
        if self._board:
            self._board.close()

    def _likely_steps(self, state: State) -> int:
        """How many steps there will be, by the pace of this run so far and the deadline."""
        deadline = self._setting.limits.deadline
        if deadline is None:
            return self._steps
        pace = (state.elapsed - self._first.elapsed) / (state.step - self._first.step)
        return min(self._steps, state.step + int(max(0.0, deadline - state.elapsed) / max(pace, 1e-9)))
