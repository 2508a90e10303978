"""One stage: steps, evaluations and checkpoints in order, until steps, time or patience run out."""

import time
from collections.abc import Sequence
from pathlib import Path

from training.loop.average import average, averaged, take_average
from training.loop.checkpoint import Checkpoints
from training.loop.errors import Interrupted
from training.loop.identity import identity_of
from training.loop.judge import evaluate, judged
from training.loop.learner import Learner
from training.loop.log import Log
from training.loop.nonfinite import Found, NotFinite, report
from training.loop.optimiser import adamw, set_rate, trained_weights
from training.loop.result import Ended, Setting, StageResult
from training.loop.schedule import progress_of, rate_at
from training.loop.seams import Batches, Evaluator, Objective, Progress, Refreshing
from training.loop.seeds import reseed
from training.loop.signals import Signals
from training.loop.state import State
from training.loop.step import Stepper
from training.recipes.config import Stage
from training.trainees.base import Trainee


def train_stage(
    trainee: Trainee,
    batches: Batches,
    objective: Objective,
    stage: Stage,
    setting: Setting,
    evaluator: Evaluator | None = None,
    progress: Progress | None = None,
    ids: Sequence[str] | None = None,
) -> StageResult:
    """Train the parts of a trainee that were begun (`Trainee.begin`), from the newest checkpoint in the folder if any.

    A finished stage is not trained again, but its weights are set. With an evaluator the weights of the best evaluation
    are put back at the end. ids: of the notes by place, to name those of a step that went wrong. All processes call it.
    Raises TrainingError: nothing to train, a checkpoint of another training, a loss or gradient that is not finite
    (the batch is then in the folder), a full disk; Interrupted after SIGINT or SIGTERM, once a checkpoint is written.
    """
    with Signals() as signals:
        run = _Run(trainee, batches, objective, stage, setting, signals)
        try:
            return run.whole(evaluator, progress)
        except NotFinite as error:
            raise report(error.found, setting.folder, ids, run.newest, setting.workplace.first) from None
        finally:
            run.log.close()


def steps_of(stage: Stage, batches: Batches) -> int:
    """How many steps a stage has without a deadline, at least 1."""
    return stage.steps or max(1, round((stage.epochs or 1.0) * batches.steps_per_epoch))


class _Run:
    """A stage under way in one process."""

    def __init__(
        self,
        trainee: Trainee,
        batches: Batches,
        objective: Objective,
        stage: Stage,
        setting: Setting,
        signals: Signals,
    ) -> None:
        self._trainee, self._batches, self._objective = trainee, batches, objective
        self._stage, self._setting, self._signals = stage, setting, signals
        self._place, self._limits = setting.workplace, setting.limits
        self._steps = steps_of(stage, batches)
        trainee.module.to(self._place.device)
        objective.to(self._place.device)
        weights = trained_weights(trainee, objective, stage.train)
        self._learner = Learner(trainee, objective, weights, adamw(weights, stage.optimiser))
        self._set_modes()
        identity = identity_of(stage, setting.seed, {**setting.identity, "steps": self._steps})
        self._checkpoints = Checkpoints(setting.checkpoints, self._learner, identity)
        self.newest = self._checkpoints.newest()
        self._state, self._remarks = self._resumed()
        self._before, self._began = self._state.elapsed, time.monotonic()
        self._saved_at = self._state
        self._stepper = Stepper(self._learner, self._place, stage.optimiser.clip, (setting.seed, stage.name))
        self.log = Log(setting, stage.name, self._state, self._steps, self.newest)

    def whole(self, evaluator: Evaluator | None, progress: Progress | None) -> StageResult:
        """Go on until the end."""
        self.log.begin(progress)
        while (ended := self._ended()) is None:
            self._one_step()
            better = evaluator is not None and self._due_evaluation() and self._evaluate(evaluator)
            if self._agreed_to_stop():
                self._interrupt()
            if better or self._due_checkpoint():
                self._save()
        return self._finish(ended, evaluator)

    def _one_step(self) -> None:
        began, number = time.perf_counter(), self._state.step
        batch = self._batches.batch(number)
        for each in (self._batches, self._objective):
            if isinstance(each, Refreshing):
                reseed(self._setting.seed, self._stage.name, number, "refresh")
                each.begin_step(number)
        done = progress_of(number, self._steps, self._state.elapsed, self._limits.deadline)
        factor = rate_at(self._stage.optimiser, done)
        set_rate(self._learner.optimiser, factor)
        micro_batches = self._batches.micro_batches(batch, self._place.rank, self._place.world)
        taken = self._stepper.take(batch, micro_batches)
        if self._stage.optimiser.average is not None:
            average(self._learner, self._stage.optimiser.average, number + 1)
        seconds = time.perf_counter() - began
        self._tick(step=number + 1, epoch=batch.epoch)
        figures = self._objective.figures()
        self.log.step(self._state, taken, factor * self._stage.optimiser.lr, batch.pairs, seconds, figures)

    def _evaluate(self, evaluator: Evaluator) -> bool:
        """Measure what the stage would end with now; returns whether it is the best so far."""
        with averaged(self._learner):
            figures, value = evaluate(evaluator, self._trainee, self._place)
        self._state = judged(self._state, value)
        self._tick()
        self.log.evaluation(self._state, figures)
        return self._state.stale == 0

    def _ended(self) -> Ended | None:
        state, patience, deadline = self._state, self._stage.patience, self._limits.deadline
        if state.step >= self._steps:
            return "steps"
        if patience is not None and state.stale >= patience:
            return "patience"
        return "time" if deadline is not None and state.elapsed >= deadline else None

    def _finish(self, ended: Ended, evaluator: Evaluator | None) -> StageResult:
        if evaluator is not None and self._state.evaluated != self._state.step:
            self._evaluate(evaluator)
        if self._saved_at != self._state or self.newest is None:
            self._save()
        best = self._state.best
        self._place.wait()  # until the files are there for all
        back = best is not None and best.step != self._state.step
        if best is not None and back:
            self._checkpoints.put_back(best.step)
        take_average(self._learner)
        return self.log.result(self._state, ended, back, self._remarks)

    def _interrupt(self) -> None:
        path = self._save()
        self._place.wait()
        name = self._signals.caught.name if self._signals.caught else "a signal to another process"
        raise Interrupted(
            f"{name} stopped stage {self._stage.name} after step {self._state.step} of {self._steps}; all of it is "
            f"saved in {path}: the same command with --resume goes on from there"
        )

    def _agreed_to_stop(self) -> bool:
        """Whether any process was told to stop; from here on all have the same elapsed time."""
        elapsed, stop = self._place.largest(self._elapsed(), float(self._signals.caught is not None))
        self._state = self._state.model_copy(update={"elapsed": elapsed})
        return bool(stop)

    def _due_evaluation(self) -> bool:
        return bool(self._stage.evaluate) and self._state.step % self._stage.evaluate == 0

    def _due_checkpoint(self) -> bool:
        if self._ended() is not None:
            return False  # the last one is written once, when all is done
        since = self._state.step - self._saved_at.step
        seconds = self._state.elapsed - self._saved_at.elapsed
        by_steps, by_seconds = self._limits.checkpoint_steps, self._limits.checkpoint_seconds
        return (by_steps is not None and since >= by_steps) or (by_seconds is not None and seconds >= by_seconds)

    def _save(self) -> Path | None:
        if bad := self._learner.bad_weights():
            raise NotFinite(Found.after(self._state.step - 1, self._state.epoch, bad))
        if self._place.first:
            self.newest = self._checkpoints.save(self._state)
            self.log.saved(self.newest)
        self._saved_at = self._state
        return self.newest

    def _resumed(self) -> tuple[State, list[str]]:
        if self._place.first:
            self._checkpoints.clear_partial()
        if self.newest is None:
            return State(), []
        return self._checkpoints.resume(self.newest)

    def _tick(self, **changes: int) -> None:
        self._state = self._state.model_copy(update={**changes, "elapsed": self._elapsed()})

    def _elapsed(self) -> float:
        return self._before + time.monotonic() - self._began

    def _set_modes(self) -> None:
        """Dropout is for what is trained: parts that stand still are in evaluation mode, whatever they share."""
        self._trainee.module.eval()
        for part in self._stage.train:
            self._trainee.parts[part].train()
