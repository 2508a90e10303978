"""Everything that a step changes, as named tensors."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import AdamW

from training.errors import TrainingError
from training.loop.optimiser import OBJECTIVE as OBJECTIVE_PART
from training.loop.optimiser import Trained
from training.loop.seams import Objective
from training.trainees.base import Trainee

BUFFER, OBJECTIVE = "buffer.", f"{OBJECTIVE_PART}."


@dataclass(frozen=True, slots=True)
class Learner:
    """A trainee, its objective, the weights of both that are trained, and AdamW over these."""

    trainee: Trainee
    objective: Objective
    trained: list[Trained]
    optimiser: AdamW

    def weights(self) -> dict[str, Tensor]:
        """Copies, on the CPU, of the trainee's trained weights and buffers and of all the objective holds."""
        held = self._own() | {OBJECTIVE + name: tensor for name, tensor in self.objective.state_dict().items()}
        return _copies(held)

    def moments(self) -> dict[str, Tensor]:
        """Copies, on the CPU, of what AdamW keeps of each weight: `NAME/exp_avg`, `NAME/exp_avg_sq`, `NAME/step`."""
        state = self.optimiser.state
        return _copies(
            {f"{each.name}/{key}": value for each in self.trained for key, value in state.get(each.weight, {}).items()}
        )

    @torch.no_grad()
    def take_weights(self, saved: Mapping[str, Tensor]) -> None:
        """Set what `weights` gave. Raises TrainingError, the trainee unchanged, where names or shapes are others."""
        own = self._own()
        theirs = {name: tensor for name, tensor in saved.items() if not name.startswith(OBJECTIVE)}
        _check_shapes(own, theirs)
        ours = {name.removeprefix(OBJECTIVE): tensor for name, tensor in saved.items() if name.startswith(OBJECTIVE)}
        try:
            self.objective.load_state_dict(ours)
        except RuntimeError as error:
            raise TrainingError(f"the checkpoint is of another objective: {error}") from error
        for name, tensor in own.items():
            tensor.copy_(theirs[name])

    def take_moments(self, saved: Mapping[str, Tensor]) -> None:
        """Set what `moments` gave."""
        self.optimiser.state.clear()
        for each in self.trained:
            prefix = f"{each.name}/"
            kept = {name.removeprefix(prefix): tensor for name, tensor in saved.items() if name.startswith(prefix)}
            if kept:
                self.optimiser.state[each.weight] = {key: tensor.to(each.weight.device) for key, tensor in kept.items()}

    def bad_weights(self) -> list[str]:
        """Names of the trained weights that are not all finite."""
        return [each.name for each in self.trained if not bool(torch.isfinite(each.weight).all())]

    def bad_gradients(self) -> list[str]:
        """Names of the trained weights whose gradients are not all finite."""
        return [
            each.name
            for each in self.trained
            if each.weight.grad is not None and not bool(torch.isfinite(each.weight.grad).all())
        ]

    def frozen_digest(self) -> str:
        """A digest, 32 hexadecimal digits, over the names, shapes and bytes of the weights that stand still."""
        digest = hashlib.blake2b(digest_size=16)
        for name, weight in sorted(self.trainee.module.named_parameters()):
            if not weight.requires_grad:
                digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
                digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def _own(self) -> dict[str, Tensor]:
        """The trainee's trained weights, and its buffers as far as they are saved, whatever part they are of."""
        module = self.trainee.module
        own: dict[str, Tensor] = {each.name: each.weight for each in self.trained if each.part != OBJECTIVE_PART}
        kept = module.state_dict().keys()
        return own | {BUFFER + name: tensor for name, tensor in module.named_buffers() if name in kept}


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no memory, as safetensors wants them."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def _check_shapes(own: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    for name in sorted(own.keys() | theirs.keys()):
        here = tuple(own[name].shape) if name in own else "none"
        there = tuple(theirs[name].shape) if name in theirs else "none"
        if here != there:
            raise TrainingError(f"{name} has shape {there} in the checkpoint and {here} here: it is of another encoder")
