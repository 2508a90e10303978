"""Where training runs: the device, the number format and the other processes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from encoders.device import Precision, best_device, resolve_precision
from training.trainees.base import Item


@dataclass(frozen=True, slots=True)
class Workplace:
    """One process of `world`, its device, and the dtype of autocast (float32: none)."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    rank: int = 0
    world: int = 1
    dtype: torch.dtype = torch.float32

    @classmethod
    def join(cls, precision: Precision = "auto", device: str | None = None) -> "Workplace":
        """Take a place among the processes that `torchrun` or `accelerate launch` started; alone without them.

        device: "cpu" or "cuda", where None takes the better one. The group of processes is gloo on CPUs, NCCL on GPUs.
        """
        # accelerate.Accelerator would fix one precision for the life of the process; its state alone does not.
        from accelerate import PartialState  # type: ignore[import-untyped]  # it ships no annotations

        kind = device or best_device()
        state = PartialState(cpu=kind == "cpu")
        return cls(state.device, state.process_index, state.num_processes, resolve_precision(precision, kind))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[object]:
        """What a forward pass runs in."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def shared(self, module: nn.Module) -> DistributedDataParallel:
        """Wrap a module, called with a sequence of items, so that the processes' gradients are averaged at backward.

        Weights become those of process 0. Buffers are left to each process, as processes need not have equally many
        micro-batches. Weights that no process used keep no gradient.
        """
        anchored = _Anchored(module).to(self.device)
        return DistributedDataParallel(anchored, find_unused_parameters=True, broadcast_buffers=False)

    def largest(self, *values: float) -> list[float]:
        """The largest over all processes of each value."""
        return self._reduced(values, dist.ReduceOp.MAX) if self.world > 1 else list(values)

    def from_first(self, *values: float) -> list[float]:
        """Process 0's values."""
        return self._reduced(values if self.first else [0.0] * len(values)) if self.world > 1 else list(values)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.world > 1:
            dist.barrier()

    def leave(self) -> None:
        """Leave the group of processes, after the last stage."""
        if self.world > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def _reduced(self, values: Sequence[float], how: dist.ReduceOp.RedOpType = dist.ReduceOp.SUM) -> list[float]:
        together = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(together, op=how)
        return [float(value) for value in together]


class _Anchored(nn.Module):
    """A module whose rows depend on a weight always, if only by adding zero.

    DistributedDataParallel exchanges gradients when the first of them arrives. A process whose last micro-batch uses no
    trained weight would never do so, and the others would wait for it forever.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, items: Sequence[Item]) -> Tensor:
        rows: Tensor = self.module(items)
        return rows + self.anchor
