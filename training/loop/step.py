"""One optimiser step over all processes."""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from training.batches.batch import Batch
from training.errors import TrainingError
from training.loop.learner import Learner
from training.loop.nonfinite import Found, NotFinite
from training.loop.optimiser import OBJECTIVE
from training.loop.seeds import reseed
from training.loop.workplace import Workplace
from training.losses.cached import cached_backward
from training.losses.distributed import average_gradients, gather
from training.trainees.base import Item


@dataclass(frozen=True, slots=True)
class Taken:
    """loss: of the whole batch, before the step. grad_norm: of all weights in training, before clipping."""

    loss: float
    grad_norm: float


class Stepper:
    """Takes steps: a function of the batch, the learner and the seeds, however many processes share it."""

    def __init__(self, learner: Learner, workplace: Workplace, clip: float, seeds: tuple[int | str, ...]) -> None:
        """clip: largest norm of the gradient. seeds: to which a step adds its number, for torch's random numbers."""
        self._learner, self._workplace, self._clip, self._seeds = learner, workplace, clip, seeds
        self._shared: DistributedDataParallel | None = None
        if workplace.world > 1:
            self._shared = workplace.shared(learner.trainee.module)

    def take(self, batch: Batch, micro_batches: Iterable[Sequence[Item]]) -> Taken:
        """Change the weights by one batch, at the learning rates that the optimiser has.

        micro_batches: of this process. Raises NotFinite, with the weights as they were, and TrainingError for a batch
        that has fewer notes than there are processes, or rows that are not the batch's.
        """
        if len(batch.notes) < self._workplace.world:
            raise TrainingError(
                f"a batch of {len(batch.notes)} notes cannot be shared by {self._workplace.world} processes: "
                "start fewer, or give batch.pairs more"
            )
        self._learner.optimiser.zero_grad(set_to_none=True)
        reseed(*self._seeds, batch.step, self._workplace.rank)
        loss, rows = self._backward(batch, micro_batches)
        # All processes take the loss over all rows, so this keeps equal what rounding alone could part.
        average_gradients(each.weight for each in self._learner.trained if each.part == OBJECTIVE)
        gradients = [each.weight.grad for each in self._learner.trained if each.weight.grad is not None]
        norm = get_total_norm(gradients) if gradients else torch.zeros(())
        taken = Taken(float(loss), float(norm))
        if not (math.isfinite(taken.loss) and math.isfinite(taken.grad_norm)):
            raise NotFinite(Found.of(batch, taken.loss, taken.grad_norm, rows, self._learner))
        clip_grads_with_norm_([each.weight for each in self._learner.trained], self._clip, norm)
        self._learner.optimiser.step()
        return taken

    def _backward(self, batch: Batch, micro_batches: Iterable[Sequence[Item]]) -> tuple[Tensor, Tensor]:
        """Set the gradients, averaged over processes but for the objective's; returns the loss and all rows."""
        seen: list[Tensor] = []

        def loss(own: Tensor) -> Tensor:
            rows = gather(own)
            seen.append(rows.detach())
            if len(rows) != len(batch.notes):
                raise TrainingError(f"the micro-batches gave {len(rows)} rows for a batch of {len(batch.notes)} notes")
            # What the objective draws must be equal in all processes; the trainee's numbers so far need not be.
            reseed(*self._seeds, batch.step, "objective")
            return self._learner.objective(rows, batch)

        with self._workplace.autocast():
            total = cached_backward(micro_batches, self._embed, loss, self._unsynced)
        return total, seen[0]

    def _embed(self, items: Sequence[Item]) -> Tensor:
        if self._shared is None:
            return self._learner.trainee.embed(items)
        rows: Tensor = self._shared(items)
        return rows

    def _unsynced(self) -> AbstractContextManager[object]:
        return nullcontext() if self._shared is None else self._shared.no_sync()
