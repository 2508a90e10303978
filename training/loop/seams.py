"""What the loop is handed besides a trainee."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from training.batches.batch import Batch
from training.trainees.base import Item, Trainee


class Batches(Protocol):
    """The batches of a stage, each a pure function of its number, so that a resumed run sees what it would have."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch, at least 1."""

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, from 0, over all epochs."""

    def micro_batches(self, batch: Batch, rank: int, world: int) -> Iterable[Sequence[Item]]:
        """Items of this process's slice of batch.notes, in order, a micro-batch at a time.

        The slices of ranks 0 … world − 1, one after the other, are batch.notes; each has a note where there are at
        least `world`. To be gone through twice, with equal items both times; may read lazily.
        """


class Objective(Protocol):
    """What a stage minimises; any nn.Module whose forward has this signature, with `figures`, is one."""

    def __call__(self, rows: Tensor, batch: Batch) -> Tensor:
        """Loss of rows [2B, W], float32, in the order of batch.notes; a scalar.

        Every process calls it with the rows of all. It may draw from torch's global generator, which then stands equal
        on all of them.
        """

    def parameters(self) -> Iterator[nn.Parameter]:
        """Its own parameters (τ), float32, trained without weight decay; the same in every process."""

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint must hold of it, tensors by name: parameters, and what `begin_step` made."""

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> object:
        """Take what `state_dict` gave."""

    def to(self, device: torch.device, /) -> object:
        """Move to a device, in place."""

    def figures(self) -> dict[str, float]:
        """What the log should hold of it, such as {"tau": 3.01}."""


@runtime_checkable
class Refreshing(Protocol):
    """An objective, or batches, that renew something between steps, such as hard negatives."""

    def begin_step(self, step: int) -> None:
        """Called before step `step`, also before the first after a resume; without autocast, with gradients."""


class Evaluator(Protocol):
    """Measures a trainee on held-out notes."""

    @property
    def metric(self) -> str:
        """Which of the figures decides, larger being better, such as `nDCG@10`."""

    def __call__(self, trainee: Trainee) -> dict[str, float]:
        """Figures by name, `metric` among them; called in process 0, without gradients and in evaluation mode."""


class Progress(Protocol):
    """Is told how far a stage is."""

    def restart(self, title: str, total: int) -> None:
        """Begin a stage of so many steps."""

    def reach(self, done: int, total: int) -> None:
        """So many steps are done, of an estimate of how many there will be: a deadline may allow fewer than planned."""

    def show(self, figures: Mapping[str, float]) -> None:
        """Figures to stand beside the bar: `loss`, smoothed, and `pairs/s`."""
