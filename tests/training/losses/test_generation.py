"""CSFT: which rows do what, targets by hand, and losses against loops and the heads themselves."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.heads.config import HeadsConfig
from encoders.heads.heads import Heads
from encoders.heads.words import IGNORED
from training.losses.errors import LossError
from training.losses.generation import (
    category,
    choose_tasks,
    next_token,
    next_token_sums,
    output_targets,
    with_generation,
)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("rows", "hashtags"), [(10, 4), (64, 26), (5, 2), (1, 0), (0, 0)])
def test_forty_percent_write_hashtags(rows: int, hashtags: int) -> None:
    every = torch.ones(rows, dtype=torch.bool)
    tasks = choose_tasks(every, every, draw())
    assert int(tasks.hashtags.sum()) == hashtags
    assert tasks.category.equal(~tasks.hashtags)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12), st.floats(0, 1), st.integers(0, 999))
@settings(deadline=None, max_examples=80)
def test_every_row_does_what_it_can(rows: list[tuple[bool, bool]], share: float, seed: int) -> None:
    has_tags, has_category = (torch.tensor([row[i] for row in rows], dtype=torch.bool) for i in (0, 1))
    tasks = choose_tasks(has_tags, has_category, draw(seed), share)
    assert not (tasks.hashtags & tasks.category).any()
    assert (tasks.hashtags | tasks.category).equal(has_tags | has_category)
    assert not (tasks.hashtags & ~has_tags).any()
    assert not (tasks.category & ~has_category).any()
    must, able = int((has_tags & ~has_category).sum()), int(has_tags.sum())
    wanted = math.floor(share * int((has_tags | has_category).sum()) + 0.5)
    assert int(tasks.hashtags.sum()) == min(max(wanted, must), able)
    again = choose_tasks(has_tags, has_category, draw(seed), share)
    assert again.hashtags.equal(tasks.hashtags)


def test_chance_decides_alike_for_all() -> None:
    every, generator = torch.ones(5, dtype=torch.bool), draw()
    counts = sum(choose_tasks(every, every, generator).hashtags.int() for _ in range(2000))
    assert (torch.as_tensor(counts) - 800).abs().max() < 4 * (2000 * 0.24) ** 0.5
    for share in (-0.1, 1.1):
        with pytest.raises(LossError, match=str(share)):
            choose_tasks(every, every, generator, share)


def test_targets_by_hand() -> None:
    """Prompts 5 6 and 7, outputs 8 9 and 3, padded with 0: a target stands one token before what it asks for."""
    ids = torch.tensor([[5, 6, 8, 9], [7, 3, 0, 0]])
    output = torch.tensor([[0, 0, 1, 1], [0, 1, 0, 0]]).bool()
    assert output_targets(ids, output).tolist() == [[IGNORED, 8, 9, IGNORED], [3, IGNORED, IGNORED, IGNORED]]


def test_next_token_is_the_loop() -> None:
    logits = torch.randn(3, 5, 7, generator=draw(), dtype=torch.float64)
    targets = torch.randint(7, (3, 5), generator=draw())
    targets[0, 2:] = targets[1] = IGNORED
    terms: list[list[float]] = [[], [], []]
    for b in range(3):
        for t in range(5):
            if targets[b, t] != IGNORED:
                below = sum(math.exp(one) for one in logits[b, t].tolist())
                terms[b].append(-math.log(math.exp(logits[b, t, targets[b, t]]) / below))
    assert next_token_sums(logits, targets).tolist() == pytest.approx([sum(row) for row in terms])
    flat = [one for row in terms for one in row]
    assert next_token(logits, targets).item() == pytest.approx(sum(flat) / len(flat))


def test_nothing_to_write_is_no_loss() -> None:
    logits = torch.zeros(2, 3, 5, requires_grad=True)
    loss = next_token(logits, torch.full((2, 3), IGNORED)) + category(logits[:, 0], torch.full((2,), IGNORED))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_bfloat16_logits_are_summed_in_float32() -> None:
    logits = torch.randn(4, 30, 500, generator=draw()).bfloat16()
    targets = torch.randint(500, (4, 30), generator=draw())
    expected = torch.nn.functional.cross_entropy(logits.double().flatten(0, 1), targets.flatten())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = next_token(logits, targets), category(logits[:, 0], targets[:, 0])
    assert [one.dtype for one in got] == [torch.float32] * 2
    assert got[0].item() == pytest.approx(expected.item(), rel=1e-6)


def test_category_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [5.0, 1.0], [0.0, 0.0]])
    expected = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert category(logits, torch.tensor([1, IGNORED, 0])).item() == pytest.approx(expected)


def test_published_weighting() -> None:
    assert with_generation(torch.tensor(2.0), torch.tensor(5.0)).item() == pytest.approx((2 + 0.01 * 5) / 1.01)
    assert with_generation(torch.tensor(2.0), torch.tensor(5.0), 0).item() == 2
    with pytest.raises(LossError, match="-1"):
        with_generation(torch.tensor(2.0), torch.tensor(5.0), -1)


def test_the_losses_of_the_heads() -> None:
    """Of two notes, one tagged in Chinese and one without a category: every token's chance, written one by one."""
    heads = Heads(HeadsConfig(seed=1, categories=("美食", "旅行"), width=16, layers=1, heads=2), dim=4)
    vectors = torch.eye(4, device=heads.device)[:2]
    tags = (["探店"], ["beach", "sea"])
    inputs, targets = (one.to(heads.device) for one in heads.words.batch(tags, 48))
    kinds, words = heads.module(vectors, inputs)
    terms = []
    for row, ids in enumerate(heads.words.ids(one, 48) for one in tags):
        chances = heads.module.decoder(vectors[row : row + 1], inputs[row : row + 1, : len(ids)]).log_softmax(dim=2)
        terms += [-chances[0, place, word].item() for place, word in enumerate(ids)]
    loss = next_token(words, targets)
    assert loss.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)
    named = category(kinds, torch.tensor([1, IGNORED], device=heads.device))
    assert named.item() == pytest.approx(-kinds[0].log_softmax(dim=0)[1].item(), rel=1e-5)
    (loss + named).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in heads.module.parameters())
