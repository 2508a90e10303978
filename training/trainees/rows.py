"""What trainees and their parts have in common as torch modules."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.trainees.base import Item


class Rows(nn.Module):
    """The parts of a trainee as one module that gives the rows of items when it is called.

    A part without a weight that is trained stays in evaluation mode: what stands still must not be random.
    """

    def __init__(self, embed: Callable[[Sequence[Item]], Tensor], parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._embed = embed
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, items: Sequence[Item]) -> Tensor:
        """Return the rows [N, W] of N ≥ 1 items."""
        return self._embed(items)

    def train(self, mode: bool = True) -> "Rows":
        """Set the mode of the parts that are trained."""
        super().train(mode)
        for part in self.children():
            if not is_trained(part):
                part.eval()
        return self


class StillNorms(nn.Module):
    """A model whose batch norms keep their statistics, in training mode too.

    A micro-batch is no batch to take statistics of, and GradCache runs each twice: rows would depend on how a batch
    is cut, and the two passes differ. Scale and shift are trained.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Run the model."""
        pooled = self.model(pixels)
        # A CoCa model gives its tokens as well.
        rows: Tensor = pooled[0] if isinstance(pooled, tuple) else pooled
        return rows

    def train(self, mode: bool = True) -> "StillNorms":
        """Set the mode of all but the batch norms."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self


def check_parts(train: Sequence[str], parts: Mapping[str, nn.Module]) -> None:
    """Raise TrainingError for a part that a trainee does not have."""
    if unknown := [name for name in train if name not in parts]:
        raise TrainingError(f"there is no part {', '.join(unknown)} to train: this encoder has {', '.join(parts)}")


def is_trained(module: nn.Module) -> bool:
    """Whether any weight of a module is trained."""
    return any(weight.requires_grad for weight in module.parameters())


def gradients(module: nn.Module) -> torch.set_grad_enabled:
    """Within, gradients are recorded where they were before and any weight of the module is trained."""
    return torch.set_grad_enabled(torch.is_grad_enabled() and is_trained(module))


def set_unused_aside(module: nn.Module, output: Tensor) -> None:
    """Turn the parameters that an output does not depend on into buffers of the same names.

    They are saved as before, but never trained: without a gradient they would only decay, and DistributedDataParallel
    would wait for them. output: made by the module with gradients, all its parameters requiring one.
    """
    weights = list(module.parameters())
    found = torch.autograd.grad(output.sum(), weights, allow_unused=True)
    used = {id(weight) for weight, gradient in zip(weights, found, strict=True) if gradient is not None}
    for part in module.modules():
        for name, weight in list(part._parameters.items()):
            if weight is not None and id(weight) not in used:
                del part._parameters[name]
                part.register_buffer(name, weight.detach())
