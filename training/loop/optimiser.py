"""AdamW over the parts that a stage trains."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.optim import AdamW

from training.errors import TrainingError
from training.loop.seams import Objective
from training.recipes.config import OptimiserConfig
from training.trainees.base import Trainee

OBJECTIVE = "objective"
BETA1 = 0.9


@dataclass(frozen=True, slots=True)
class Trained:
    """One weight that is trained: its name, unique in a stage, and the part it belongs to."""

    name: str
    part: str
    weight: nn.Parameter

    @property
    def decays(self) -> bool:
        """Whether weight decay applies: not to biases, norms and other vectors, nor to the objective's own."""
        return self.part != OBJECTIVE and self.weight.ndim > 1 and not self.name.endswith("bias")


def trained_weights(trainee: Trainee, objective: Objective, train: tuple[str, ...]) -> list[Trained]:
    """Return the weights that require gradients, the objective's last, in an order that every run has.

    A weight that two parts share belongs to the one named first in `train`. Raises TrainingError for a part that the
    trainee does not have, for a weight with gradient outside of `train`, and where there is none at all.
    """
    part_of: dict[int, str] = {}
    for part in train:
        if part not in trainee.parts:
            raise TrainingError(f"there is no part {part} to train; there are: {', '.join(trainee.parts)}")
        for weight in trainee.parts[part].parameters():
            part_of.setdefault(id(weight), part)
    found = []
    for name, weight in trainee.module.named_parameters():
        if not weight.requires_grad:
            continue
        if id(weight) not in part_of:
            raise TrainingError(
                f"the weight {name} would be trained, but is in no part of {', '.join(train)}: begin them"
            )
        found.append(Trained(f"trainee.{name}", part_of[id(weight)], weight))
    found += [Trained(f"{OBJECTIVE}.{i}", OBJECTIVE, weight) for i, weight in enumerate(_trainable(objective))]
    if not found:
        raise TrainingError(f"nothing in {', '.join(train)} can be trained: name other parts in the stage's `train`")
    return found


def adamw(weights: list[Trained], config: OptimiserConfig) -> AdamW:
    """Make AdamW with one group of weights for each part and whether they decay (arXiv 1711.05101).

    `config.scale` may name parts in training and `objective`. Raises TrainingError for another name.
    """
    parts = dict.fromkeys(each.part for each in weights)
    if unknown := sorted(set(config.scale) - set(parts) - {OBJECTIVE}):
        raise TrainingError(f"optimiser.scale names {', '.join(unknown)}; in training are: {', '.join(parts)}")
    groups = []
    for part in parts:
        for decays in (True, False):
            members = [each.weight for each in weights if each.part == part and each.decays == decays]
            if members:
                full = config.lr * config.scale.get(part, 1.0)
                decay = config.weight_decay if decays else 0.0
                groups.append({"params": members, "lr": full, "full": full, "weight_decay": decay})
    return AdamW(groups, lr=config.lr, betas=(BETA1, config.beta2), fused=True)


def set_rate(optimiser: AdamW, factor: float) -> None:
    """Set every group's learning rate to `factor` of its full one."""
    for group in optimiser.param_groups:
        group["lr"] = group["full"] * factor


def _trainable(objective: Objective) -> Iterator[nn.Parameter]:
    return (weight for weight in objective.parameters() if weight.requires_grad)
