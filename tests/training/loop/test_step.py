"""One step against plain torch: all notes at once, AdamW as published."""

from types import ModuleType

import pytest
import torch
from torch import nn

from training.errors import TrainingError
from training.loop.learner import Learner
from training.loop.optimiser import adamw, set_rate, trained_weights
from training.loop.step import Stepper
from training.loop.workplace import Workplace
from training.recipes.config import OptimiserConfig

CONFIG = OptimiserConfig(lr=0.01, weight_decay=0.1, beta2=0.99, clip=0.5, scale={"extra": 3.0, "objective": 2.0})
PARTS = ("text", "extra")


def learner(toy: ModuleType, config: OptimiserConfig = CONFIG, **about: object) -> Learner:
    trainee, objective = toy.Toy(PARTS, **about), toy.Objective()
    weights = trained_weights(trainee, objective, PARTS)
    return Learner(trainee, objective, weights, adamw(weights, config))


def test_against_plain_torch(toy: ModuleType) -> None:
    """Two steps: gradients of the uncached loss, clipped, then AdamW written out (arXiv 1711.05101, algorithm 2)."""
    ours, batches = learner(toy), toy.Batches(5, (3,))
    stepper = Stepper(ours, Workplace(), CONFIG.clip, (0, "tune"))
    plain, objective = toy.Toy(PARTS), toy.Objective()
    weights = {f"trainee.{name}": weight for name, weight in plain.module.named_parameters() if weight.requires_grad}
    weights["objective.0"] = objective.tau
    first = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    second = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for step, factor in ((0, 1.0), (1, 0.25)):
        set_rate(ours.optimiser, factor)
        batch = batches.batch(step)
        taken = stepper.take(batch, batches.micro_batches(batch, 0, 1))
        loss = objective(plain.embed(list(batches.vectors[torch.from_numpy(batch.notes)])), batch)
        gradients = dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
        norm = sum(float((gradient**2).sum()) for gradient in gradients.values()) ** 0.5
        assert taken.loss == pytest.approx(loss.item(), rel=1e-5)
        assert taken.grad_norm == pytest.approx(norm, rel=1e-5)
        assert norm > CONFIG.clip
        for name, weight in weights.items():
            gradient = gradients[name] * CONFIG.clip / norm
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.99 * second[name] + 0.01 * gradient**2
            rate = 0.01 * factor * (3.0 if "extra" in name else 2.0 if "objective" in name else 1.0)
            matrix = name in ("trainee.text.0.weight", "trainee.head.weight", "trainee.extra.weight")
            with torch.no_grad():
                weight *= 1 - rate * (0.1 if matrix else 0.0)
                ahead = first[name] / (1 - 0.9 ** (step + 1))
                weight -= rate * ahead / ((second[name] / (1 - 0.99 ** (step + 1))).sqrt() + 1e-8)
    for each in ours.trained:
        torch.testing.assert_close(each.weight, weights[each.name], atol=1e-5, rtol=1e-5)
    assert ours.trainee.module.base.weight.equal(toy.Toy().module.base.weight)


def test_gradients_below_the_limit_are_left(toy: ModuleType) -> None:
    ours, batches = learner(toy), toy.Batches(5, (3,))
    batch = batches.batch(0)
    norm = Stepper(ours, Workplace(), 1e3, (0,)).take(batch, batches.micro_batches(batch, 0, 1)).grad_norm
    after = sum(float((each.weight.grad**2).sum()) for each in ours.trained) ** 0.5
    assert after == pytest.approx(norm, rel=1e-5)


def test_a_step_is_a_function_of_its_number(toy: ModuleType) -> None:
    """Dropout too, whatever was drawn before; another step or seed draws others."""
    batches = toy.Batches(5, (3,))

    def loss(*seeds: int | str, before: int = 0) -> float:
        ours = learner(toy, dropout=0.5)
        ours.trainee.module.train()
        torch.rand(before)
        batch = batches.batch(0)
        return Stepper(ours, Workplace(), 1.0, seeds).take(batch, batches.micro_batches(batch, 0, 1)).loss

    assert loss(1, "tune") == loss(1, "tune", before=7)
    assert len({loss(1, "tune"), loss(2, "tune"), loss(1, "heads")}) == 3


def test_bfloat16(toy: ModuleType) -> None:
    """Products are rounded, by autocast; weights, their gradients and moments are not."""
    batches = toy.Batches(5, (3,))
    batch = batches.batch(0)
    losses, seen = [], []
    for dtype in (torch.float32, torch.bfloat16):
        ours = learner(toy)
        ours.trainee.module.head.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
        stepper = Stepper(ours, Workplace(dtype=dtype), 1.0, (0,))
        losses.append(stepper.take(batch, batches.micro_batches(batch, 0, 1)).loss)
        assert {each.weight.dtype for each in ours.trained} == {torch.float32}
        assert {tensor.dtype for tensor in ours.moments().values()} == {torch.float32}
    assert set(seen) == {torch.float32, torch.bfloat16}
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_too_few_notes_for_the_processes(toy: ModuleType) -> None:
    stepper = Stepper(learner(toy), Workplace(), 1.0, (0,))
    stepper._workplace = Workplace(world=5)
    with pytest.raises(TrainingError, match="a batch of 4 notes cannot be shared by 5 processes"):
        stepper.take(toy.Batches(2).batch(0), [])


def test_rows_that_are_not_the_batch(toy: ModuleType) -> None:
    batches = toy.Batches(5, (3,))
    batch = batches.batch(0)
    with pytest.raises(TrainingError, match="gave 9 rows for a batch of 10 notes"):
        Stepper(learner(toy), Workplace(), 1.0, (0,)).take(batch, batches.micro_batches(batch, 0, 1)[:3])


def test_what_is_trained(toy: ModuleType) -> None:
    trainee, objective = toy.Toy(PARTS), toy.Objective()
    with pytest.raises(TrainingError, match="no part image to train; there are: base, text, extra"):
        trained_weights(trainee, objective, ("image",))
    with pytest.raises(TrainingError, match=r"extra\.weight would be trained, but is in no part of text"):
        trained_weights(trainee, objective, ("text",))
    objective.requires_grad_(False)
    with pytest.raises(TrainingError, match="nothing in extra can be trained"):
        trained_weights(toy.Toy(()), objective, ("extra",))
    weights = trained_weights(trainee, toy.Objective(), PARTS)
    with pytest.raises(TrainingError, match=r"scale names txt; in training are: text, extra, objective"):
        adamw(weights, OptimiserConfig(scale={"txt": 0.1}))


def test_a_shared_weight_belongs_to_the_first(toy: ModuleType) -> None:
    trainee = toy.Toy(PARTS)
    trainee.parts["extra"] = nn.ModuleList([trainee.parts["extra"], trainee.module.head])
    for order in (PARTS, PARTS[::-1]):
        weights = trained_weights(trainee, toy.Objective(), order)
        assert len({id(each.weight) for each in weights}) == len(weights)
        (head,) = (each for each in weights if each.name == "trainee.head.weight")
        assert head.part == order[0]
