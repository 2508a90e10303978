"""Weights averaged over the steps: against plain sums, in evaluations, after a break."""

from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from training.loop.result import Limits

OPTIMISER = {"lr": 0.05, "scale": {"objective": 10.0}}
GAMMA = 2.0


def mean_of(history: list[dict[str, Tensor]], name: str, gamma: float) -> Tensor:
    """The average after the steps of a history, each step's part of it written out."""
    total = torch.zeros_like(history[0][name], dtype=torch.float64)
    for i in range(1, len(history) + 1):
        part = 1 - (1 - 1 / i) ** (gamma + 1)
        for later in range(i + 1, len(history) + 1):
            part *= (1 - 1 / later) ** (gamma + 1)
        total += part * history[i - 1][name].double()
    return total


def trained(toy: ModuleType, folder: Path, gamma: float | None, **given: object) -> tuple[object, list[dict]]:
    """A trainee that was trained, and its weights after every step but the last."""
    trainee, history = toy.Toy(train=("text",)), []
    batches = toy.Batches(before=lambda step: history.append(trainee.weights()) if step else None)
    about = toy.stage(
        train=["text"], optimiser=OPTIMISER | ({} if gamma is None else {"average": gamma}), **given.pop("about", {})
    )
    toy.train(folder, trainee=trainee, batches=batches, stage=about, **given)
    return trainee, history


@pytest.mark.parametrize("gamma", [GAMMA, 7.0])
def test_a_stage_ends_with_the_average_and_is_trained_as_without(toy: ModuleType, tmp_path: Path, gamma: float) -> None:
    plain, history = trained(toy, tmp_path / "plain", None)
    trainee, same = trained(toy, tmp_path / "averaged", gamma)
    assert len(history) == 11
    for one, other in zip(history, same, strict=True):
        assert all(one[name].equal(other[name]) for name in one)
    history.append(plain.weights())
    for name, weight in trainee.weights().items():
        torch.testing.assert_close(weight.double(), mean_of(history, name, gamma), atol=1e-6, rtol=0)
    moved = "text.0.weight"
    assert (trainee.weights()[moved] - plain.weights()[moved]).abs().max() > 1e-3
    assert trainee.weights()["base.weight"].equal(plain.weights()["base.weight"])


def test_what_is_measured_and_chosen_is_the_average(toy: ModuleType, tmp_path: Path) -> None:
    evaluator = toy.Scripted(0.1, 0.4, 0.2)
    given = {"evaluator": evaluator, "about": {"evaluate": 4}, "limits": Limits()}
    trainee, history = trained(toy, tmp_path, GAMMA, **given)
    for i, steps in enumerate((4, 8)):
        for name, weight in evaluator.weights[i].items():
            torch.testing.assert_close(weight.double(), mean_of(history[:steps], name, GAMMA), atol=1e-6, rtol=0)
    assert all(trainee.weights()[name].equal(weight) for name, weight in evaluator.weights[1].items())
    # A finished stage that is asked for again is what it was.
    again = toy.Toy(train=("text",))
    about = toy.stage(train=["text"], evaluate=4, optimiser=OPTIMISER | {"average": GAMMA})
    toy.train(tmp_path, trainee=again, stage=about, evaluator=toy.Scripted(), limits=Limits())
    assert all(again.weights()[name].equal(weight) for name, weight in trainee.weights().items())


def test_a_break_changes_nothing(toy: ModuleType, tmp_path: Path) -> None:
    whole, _ = trained(toy, tmp_path / "whole", GAMMA)

    def stop(step: int) -> None:
        if step == 7:
            raise OSError("the machine went away")

    about = toy.stage(train=["text"], optimiser=OPTIMISER | {"average": GAMMA})
    with pytest.raises(OSError, match="went away"):
        toy.train(tmp_path / "b", trainee=toy.Toy(train=("text",)), batches=toy.Batches(before=stop), stage=about)
    resumed = toy.Toy(train=("text",))
    toy.train(tmp_path / "b", trainee=resumed, stage=about)
    assert all(resumed.weights()[name].equal(weight) for name, weight in whole.weights().items())


def test_a_weight_that_gets_its_first_gradient_late_is_averaged_from_there(toy: ModuleType, tmp_path: Path) -> None:
    """`extra` is used by some notes alone: steps without any leave it without a gradient, and without a state."""
    trainee, history = toy.Toy(), []

    class Rare(toy.Batches):
        def batch(self, step: int):
            history.append(trainee.weights()["extra.weight"])
            found = super().batch(step)
            common = torch.nonzero(self.vectors[:, 0] <= 0.4).flatten().numpy()
            notes = common[: len(found.notes)] if step < 5 else found.notes
            return type(found)(found.step, found.epoch, notes)

    about = toy.stage(optimiser=OPTIMISER | {"average": GAMMA})
    toy.train(tmp_path, trainee=trainee, batches=Rare(), stage=about)
    assert history[5].equal(history[0])
    ended = trainee.weights()["extra.weight"]
    assert torch.isfinite(ended).all()
    assert not ended.equal(history[0])
